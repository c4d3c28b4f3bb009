import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_clip import SIZE, save_clip, save_siglip

from o2recon.models.clip import Clip

pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=["clip", "clip pickled", "siglip"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("networks") / "network"
    if request.param == "siglip":
        return save_siglip(place)
    return save_clip(place, safetensors=request.param == "clip")


def network(folder: Path | str, dtype: str = "float32") -> Clip:
    pickled = not any(Path(folder).rglob("*.safetensors"))
    return Clip(model=str(folder), revision=None, safetensors=not pickled, dtype=dtype)


def test_pictures_and_texts_become_unit_vectors_of_one_space(folder: Path) -> None:
    clip = network(folder).on("cpu")
    pictures, texts = clip.images(torch.rand(3, 3, 50, 50)), clip.texts(["chair", "a box", "chair"])
    assert pictures.shape == (3, texts.shape[1])
    for found in (pictures, texts):
        assert torch.allclose(found.norm(dim=-1), torch.ones(3), atol=1e-5)
    assert torch.equal(texts[0], texts[2]) and not torch.allclose(texts[0], texts[1], atol=1e-3)


def test_a_picture_is_seen_as_through_the_networks_own_processor(folder: Path) -> None:
    from PIL import Image
    from transformers import AutoImageProcessor

    waves = np.indices((80, 80)).transpose(1, 2, 0) / 9
    picture = (127 + 120 * np.sin(np.concatenate([waves, waves.sum(-1, keepdims=True)], -1))).astype(np.uint8)
    clip = network(folder).on("cpu")
    expected = AutoImageProcessor.from_pretrained(folder)(images=Image.fromarray(picture), return_tensors="pt")
    seen: list[torch.Tensor] = []
    clip._network.vision_model.register_forward_pre_hook(
        lambda _, given, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    clip.images(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)
    assert seen[0].shape[-1] == SIZE
    assert (seen[0] - expected["pixel_values"]).abs().max() < 0.03


def test_gradients_reach_the_pixels_and_not_the_network(folder: Path) -> None:
    clip = network(folder).on("cpu")
    picture = torch.rand(1, 3, 20, 20, requires_grad=True)
    (1 - (clip.images(picture) * clip.texts(["chair"])).sum()).backward()
    assert picture.grad is not None and torch.isfinite(picture.grad).all() and picture.grad.abs().sum() > 0
    assert all(p.grad is None for p in clip._network.parameters())


def test_bfloat16_agrees_with_float32(folder: Path) -> None:
    pictures = torch.rand(2, 3, 40, 40)
    exact, rough = (network(folder, dtype).on("cpu").images(pictures) for dtype in ("float32", "bfloat16"))
    assert rough.dtype == torch.float32 and (exact * rough).sum(-1).min() > 0.99


def test_missing_weights_and_missing_library_are_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    clip = network("owner/name")
    assert clip.obstacle is not None and "no weights of owner/name" in clip.obstacle
    with pytest.raises(ValueError, match="hf download owner/name") as raised:
        clip.on("cpu")
    assert "\n" not in str(raised.value)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        with pytest.raises(ImportError, match=r"o2recon\[diffusion\]"):
            clip.on("cpu")


def test_other_networks_and_half_precision_are_refused(tiny_depth_network: Path) -> None:
    with pytest.raises(ValueError, match="choose one of auto, float32, bfloat16"):
        network("any", "float16")
    with pytest.raises(ValueError, match=r"is a DPT.*: choose a network of CLIP's kind"):
        network(tiny_depth_network).on("cpu")
