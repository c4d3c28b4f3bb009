import json
import re
from pathlib import Path

import pytest

from o2recon.models import find_weights, hub_cache, inpainting_pipelines, weights_identity
from o2recon.models.revisions import PINNED
from o2recon.models.weights import no_weights, refusal

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def pipeline(folder: Path, *, class_name: str = "StableDiffusionInpaintPipeline", weights: bool = True) -> Path:
    """A pipeline's files, as far as this module looks at them."""
    (folder / "unet").mkdir(parents=True)
    index = {"_class_name": class_name, "unet": ["diffusers", "U"], "safety_checker": [None, None], "flag": True}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "unet" / "config.json").write_text("{}")
    if weights:
        (folder / "unet" / "weights.safetensors").write_bytes(b"12345")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def snapshot(cache: Path, name: str = "models--owner--name", commit: str = COMMIT) -> Path:
    reference = cache / name / "refs" / "main"
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(commit)
    return cache / name / "snapshots" / commit


def test_the_cache_is_where_the_hubs_own_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert hub_cache() == Path.home() / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("HF_HOME", "/models")
    assert hub_cache() == Path("/models/hub")
    monkeypatch.setenv("HF_HUB_CACHE", "/elsewhere")
    assert hub_cache() == Path("/elsewhere")


def test_ids_are_found_in_the_cache_and_folders_where_they_are(cache: Path, tmp_path: Path) -> None:
    assert find_weights("owner/name", None) is None
    made = pipeline(snapshot(cache))
    assert find_weights("owner/name", None) == made == find_weights("owner/name", COMMIT)
    assert find_weights("owner/name", "other") is None
    local = pipeline(tmp_path / "mine")
    assert find_weights(str(local), None) == local


def test_a_download_that_was_cut_off_does_not_count(cache: Path) -> None:
    made = pipeline(snapshot(cache), weights=False)
    assert find_weights("owner/name", None) is None
    (made / "unet" / "weights.safetensors").symlink_to(made / "missing blob")
    assert find_weights("owner/name", None) is None


def test_identity_names_the_commit_or_changes_with_a_folders_files(cache: Path, tmp_path: Path) -> None:
    assert weights_identity(pipeline(snapshot(cache))) == f"owner/name@{COMMIT[:12]}"
    local = pipeline(tmp_path / "mine")
    before = weights_identity(local)
    assert before.startswith("mine#") and weights_identity(local) == before
    (local / "unet" / "weights.safetensors").write_bytes(b"123456")
    assert weights_identity(local) != before


def test_only_complete_in_painting_pipelines_are_listed(cache: Path) -> None:
    pipeline(snapshot(cache))
    pipeline(snapshot(cache, "models--owner--text"), class_name="StableDiffusionPipeline")
    pipeline(snapshot(cache, "models--owner--flux"), class_name="FluxFillPipeline")
    pipeline(snapshot(cache, "models--owner--half"), weights=False)
    found = list(inpainting_pipelines())
    assert [f.model for f in found] == ["owner/flux", "owner/name"] and found[0].num_bytes == 5


def test_networks_named_in_the_configs_are_pinned_and_another_commit_is_not_taken(cache: Path) -> None:
    model, commit = next(iter(PINNED.items()))
    name = f"models--{model.replace('/', '--')}"
    other = pipeline(snapshot(cache, name))
    assert find_weights(model, None) is None and find_weights(model, "main") == other
    assert f"hf download {model} --revision {commit}" in no_weights(model, None)
    assert find_weights(model, None) is None and pipeline(snapshot(cache, name, commit)) == find_weights(model, None)


def test_every_hub_id_of_the_configs_has_a_commit() -> None:
    named = set()
    for file in (Path(__file__).parents[2] / "o2recon" / "conf").rglob("*.yaml"):
        named |= set(re.findall(r"^ *model: ([\w.-]+/[\w.-]+)", file.read_text(), re.MULTILINE))
    assert named == set(PINNED) and all(re.fullmatch("[0-9a-f]{40}", commit) for commit in PINNED.values())


def test_weights_that_are_only_pickled_are_refused_unless_asked_for(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "mine")
    assert refusal(folder, safetensors=True) is None
    (folder / "unet" / "weights.bin").write_bytes(b"12345")  # beside safetensors it is never opened
    assert refusal(folder, safetensors=True) is None
    (folder / "unet" / "weights.safetensors").unlink()
    reason = refusal(folder, safetensors=True)
    assert reason is not None and str(folder / "unet") in reason and "safetensors: false" in reason
    assert refusal(folder, safetensors=False) is None
