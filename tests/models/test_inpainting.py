import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from o2recon.models import InpaintingPipeline

OPTIONS = {
    "revision": None,
    "download": False,
    "safetensors": True,
    "dtype": "auto",
    "offload": "auto",
    "num_steps": 2,
    "guidance_scale": 3.0,
    "negative_prompt": "people",
}


def loaded(folder: Path, device: str = "cpu", **changes: object) -> InpaintingPipeline:
    pipeline = InpaintingPipeline(model=str(folder), **{**OPTIONS, **changes})  # type: ignore[arg-type]
    pipeline.load(device)
    return pipeline


def two_pictures() -> tuple[list[np.ndarray], list[np.ndarray]]:
    pictures = list(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8))
    mask = np.zeros((64, 64), bool)
    mask[16:48, 24:40] = True
    return pictures, [mask, mask]


def test_the_seed_decides_the_picture_and_the_batch_does_not(tiny_inpainter: Path) -> None:
    pipeline = loaded(tiny_inpainter)
    pictures, masks = two_pictures()
    both = pipeline(pictures, masks, ["a chair"] * 2, [5, 6], strength=1.0)
    alone = pipeline(pictures[1:], masks[1:], ["a chair"], [6], strength=1.0)
    other = pipeline(pictures[1:], masks[1:], ["a chair"], [7], strength=1.0)
    assert both[0].shape == (64, 64, 3) and both[0].dtype == np.uint8
    assert np.abs(both[1].astype(int) - alone[0]).max() <= 1
    assert np.abs(both[1].astype(int) - other[0])[masks[0]].mean() > 1


def test_low_strength_depends_on_what_lies_under_the_mask_and_full_strength_hardly(tiny_inpainter: Path) -> None:
    pipeline = loaded(tiny_inpainter)
    (picture, _), (mask, _) = two_pictures()
    blank = np.where(mask[..., None], 0, picture).astype(np.uint8)

    def change(strength: float) -> float:
        one, two = (pipeline([p], [mask], ["a chair"], [5], strength=strength)[0] for p in (picture, blank))
        return float(np.abs(one.astype(int) - two)[mask].mean())

    assert pipeline.takes_strength
    assert change(0.5) > change(1.0) == 0


def test_a_pipeline_that_diffusers_does_not_list_as_an_in_painter_is_loaded_as_what_it_is(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from tiny_networks import save_flux_fill

    pipeline = loaded(save_flux_fill(tmp_path / "flux"))
    pictures, masks = two_pictures()
    made = pipeline(pictures, masks, ["a chair"] * 2, [5, 6], strength=1.0)
    again = pipeline(pictures[1:], masks[1:], ["a chair"], [6], strength=1.0)
    assert pipeline.takes_strength and made[0].shape == (64, 64, 3)
    assert np.abs(made[1].astype(int) - again[0]).max() <= 1


def test_a_text_to_image_pipeline_becomes_an_in_painter(tiny_inpainter: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    folder = shutil.copytree(tiny_inpainter, tmp_path / "text")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "StableDiffusionPipeline"}))
    assert loaded(folder).takes_strength


def test_pipelines_that_cannot_in_paint_are_refused(tiny_inpainter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_inpainter, tmp_path / "variations")
    index = json.loads((folder / "model_index.json").read_text())
    kept = {k: v for k, v in index.items() if k in ("_diffusers_version", "vae", "unet", "scheduler")}
    (folder / "model_index.json").write_text(json.dumps(kept | {"_class_name": "DDPMPipeline"}))
    shutil.rmtree(folder / "vae")
    kept.pop("vae")
    (folder / "model_index.json").write_text(json.dumps(kept | {"_class_name": "DDPMPipeline"}))
    with pytest.raises(ValueError, match="takes no mask"):
        loaded(folder)


def test_nothing_is_downloaded_unless_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", lambda *a: pytest.fail("went to the network"))
    pipeline = InpaintingPipeline(model="owner/name", **OPTIONS)  # type: ignore[arg-type]
    assert "no weights of owner/name" in str(pipeline.obstacle)
    with pytest.raises(ValueError, match="hf download owner/name") as raised:
        pipeline.load("cpu")
    assert "\n" not in str(raised.value)
    allowed = InpaintingPipeline(model="owner/name", **{**OPTIONS, "download": True})  # type: ignore[arg-type]
    assert allowed.obstacle is None


def test_pickled_weights_are_refused_unless_asked(tiny_inpainter: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny_inpainter, tmp_path / "pickled")
    for file in list(folder.rglob("*.safetensors")):
        name = "pytorch_model.bin" if file.parent.name == "text_encoder" else file.name.replace("safetensors", "bin")
        torch.save(load_file(file), file.with_name(name))
        file.unlink()
    with pytest.raises(OSError, match="safetensors"):
        loaded(folder)
    assert loaded(folder, safetensors=False).takes_strength


def test_without_diffusers_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        pipeline = InpaintingPipeline(model="owner/name", **OPTIONS)  # type: ignore[arg-type]
        assert "o2recon[diffusion]" in str(pipeline.obstacle)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match=r"o2recon\[diffusion\]"):
        loaded(Path("nowhere"))


@pytest.mark.parametrize("change", [{"dtype": "int8"}, {"offload": "moon"}, {"num_steps": 0}])
def test_bad_options_are_refused(change: dict) -> None:
    with pytest.raises(ValueError, match=r"inpaint\.painter\.pipeline\."):
        InpaintingPipeline(model="any", **{**OPTIONS, **change})


@pytest.mark.gpu
@pytest.mark.parametrize("offload", ["none", "model", "sequential"])
def test_on_a_gpu_in_half_precision_and_back(offload: str, tiny_inpainter: Path) -> None:
    import torch

    pictures, masks = two_pictures()
    pipeline = loaded(tiny_inpainter, "cuda", offload=offload)
    first = pipeline(pictures, masks, ["a chair"] * 2, [5, 6], strength=1.0)
    pipeline.release()
    assert torch.cuda.memory_allocated() < 2**20
    pipeline.load("cuda")
    second = pipeline(pictures, masks, ["a chair"] * 2, [5, 6], strength=1.0)
    assert np.abs(np.array(first, int) - np.array(second, int)).max() <= 2
