from pathlib import Path
from typing import Any

import pytest

from o2recon.cli.outside import changed_outside, prepared_with
from o2recon.cli.prepare import MANIFESTS
from o2recon.manifest import watch, write_manifest

CONFIGS: dict[str, Any] = {name: {"option": 1} for name in MANIFESTS}
SOURCES = {
    "objects": {"scene": "s", "object": "1 chair"},
    "masks": {"sketches": "a"},
    "inpaint": {"painter": "diffusion, seed 0"},
}
RESULT = {"sources": SOURCES}


def prepare(root: Path, configs: dict[str, Any] = CONFIGS, **sources: dict[str, str]) -> None:
    """Manifests as the stages write them; the masks watch the folder of sketches."""
    for name, relative in MANIFESTS.items():
        file, inputs = root / relative, (SOURCES | sources).get(name, {}) | {"volume": "made before it"}
        watched = watch(file, [root / "sketches" / "*.png"]) if name == "masks" else {}
        write_manifest(file, stage=name, config=configs[name], inputs=inputs, notes={}, watched=watched)


def told(root: Path, scene: str = "s", poses: dict[str, str] | None = None) -> str:
    return changed_outside(RESULT, prepared_with(CONFIGS, root), scene=scene, poses=poses or {})


def test_a_scan_that_changed_is_noticed_even_where_nothing_is_prepared(tmp_path: Path) -> None:
    assert told(tmp_path) == ""
    assert told(tmp_path, scene="other") == "the scan, or how it is read, changed"


def test_other_options_of_poses_make_it_stale(tmp_path: Path) -> None:
    assert told(tmp_path, poses={"poses": "refined"}) == "options of poses changed"
    before = {"sources": {"objects": {"scene": "s", "poses": "refined"}}}
    prepared = prepared_with(CONFIGS, tmp_path)
    assert changed_outside(before, prepared, scene="s", poses={}) == "options of poses changed"
    assert changed_outside(before, prepared, scene="s", poses={"poses": "refined"}) == ""
    assert changed_outside({}, prepared, scene="s", poses={"poses": "refined"}) == ""  # a result of before


@pytest.mark.parametrize(
    ("stage", "sources"),
    [
        ("objects", {"scene": "read in another way", "object": "1 chair"}),
        ("objects", {**SOURCES["objects"], "poses": "refined"}),
        ("inpaint", {"painter": "diffusion, seed 7"}),
    ],
)
def test_another_experiment_or_seed_in_the_same_folder_makes_no_run_stale(
    stage: str, sources: dict[str, str], tmp_path: Path
) -> None:
    prepare(tmp_path, **{stage: sources})
    assert told(tmp_path) == ""
    prepare(tmp_path, CONFIGS | {"masks": {"option": 2}}, masks={"given": "others"})
    assert told(tmp_path) == ""


@pytest.mark.parametrize(
    ("stage", "sources"),
    [("masks", {"sketches": "b"}), ("masks", {}), ("inpaint", {"painter": "telea"}), ("objects", {"object": "1 sofa"})],
)
def test_data_made_again_from_other_sources_make_it_stale(stage: str, sources: dict[str, str], tmp_path: Path) -> None:
    prepare(tmp_path, **{stage: sources})
    assert told(tmp_path) == "its prepared data were made again since"


def test_a_sketch_painted_since_is_named_until_it_is_removed(tmp_path: Path) -> None:
    prepare(tmp_path)
    assert told(tmp_path) == ""
    sketch = tmp_path / "sketches" / "3.png"
    sketch.parent.mkdir()
    sketch.touch()
    assert told(tmp_path) == f"{sketch.parent / '*.png'} changed"
    sketch.unlink()
    assert told(tmp_path) == ""


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"[]", b"{"])
def test_a_damaged_manifest_stops_no_plan(damage: bytes, tmp_path: Path) -> None:
    prepare(tmp_path, masks={"sketches": "b"})
    (tmp_path / MANIFESTS["masks"]).write_bytes(damage)
    assert told(tmp_path) == ""
