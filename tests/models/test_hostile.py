"""Networks from strangers: folders whose files would run something are loaded without it, or refused in one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import save_depth_network, save_sam

from o2recon.models import InpaintingPipeline, MarigoldNormals, MonocularDepth, SegmentAnything
from o2recon.models.clip import Clip

pytest.importorskip("transformers")
PICTURE = np.zeros((40, 56, 3), np.uint8)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Exists when something ran."""
    return tmp_path / "ran"


def with_code(folder: Path, mark: Path, classes: tuple[str, ...]) -> Path:
    """Code beside the weights, and a config that names it."""
    (folder / "evil.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {name: "evil.Evil" for name in classes}, "model_type": "evil"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_code_beside_a_network_of_transformers_does_not_run(tmp_path: Path, mark: Path) -> None:
    classes = ("AutoConfig", "AutoModel", "AutoModelForDepthEstimation", "AutoModelForMaskGeneration")
    depth = with_code(save_depth_network(tmp_path / "depth"), mark, classes)
    with pytest.raises(ValueError):
        MonocularDepth(model=str(depth), revision=None, safetensors=True, predicts="inverse")([PICTURE], device="cpu")
    sam = with_code(save_sam(tmp_path / "sam"), mark, classes)
    with pytest.raises(ValueError):
        SegmentAnything(model=str(sam), revision=None, safetensors=True)(
            PICTURE, np.array([[1.0, 1, 20, 20]]), None, device="cpu"
        )
    with pytest.raises(ValueError):
        Clip(model=str(sam), revision=None, safetensors=True, dtype="float32").on("cpu")
    assert not mark.exists()


def test_code_that_a_pipeline_names_does_not_run(tmp_path: Path, mark: Path, tiny_marigold: dict[str, Path]) -> None:
    evil = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Evil: pass\n"
    changes: tuple[dict[str, Any], ...] = ({"_class_name": ["evil", "Evil"]}, {"unet": ["evil", "Evil"]})
    changes += ({"unet": ["os", "system"]}, {"unet": ["subprocess", "Popen"]})
    for number, change in enumerate(changes):
        folder = tmp_path / f"pipeline_{number}"
        shutil.copytree(tiny_marigold["normals"], folder)
        for place in (folder, folder / "unet"):
            (place / "evil.py").write_text(evil)
        index = json.loads((folder / "model_index.json").read_text())
        (folder / "model_index.json").write_text(json.dumps(index | change))
        options: dict[str, Any] = {"model": str(folder), "revision": None, "safetensors": True, "num_steps": None}
        with pytest.raises((ValueError, AttributeError, TypeError, OSError, ImportError)):
            MarigoldNormals(**options, resolution=None, ensemble=1, seed=0)([PICTURE], device="cpu")
        options |= {"num_steps": 1, "download": False, "dtype": "auto", "offload": "auto"}
        with pytest.raises((ValueError, AttributeError, TypeError, OSError, ImportError)):
            InpaintingPipeline(**options, guidance_scale=1.0, negative_prompt=None).load("cpu")
        assert not mark.exists(), change


@pytest.mark.parametrize("safetensors", [True, False])
def test_pickled_weights_run_nothing(tmp_path: Path, mark: Path, safetensors: bool) -> None:
    """Refused by default; when they are asked for, read as plain tensors."""
    import torch

    folder = save_depth_network(tmp_path / "depth")
    for file in folder.glob("*.safetensors"):
        file.unlink()
    torch.save({"weight": Payload(mark)}, folder / "pytorch_model.bin")
    network = MonocularDepth(model=str(folder), revision=None, safetensors=safetensors, predicts="inverse")
    assert (network.obstacle is not None) == safetensors
    with pytest.raises(Exception, match="safetensors: false" if safetensors else None):
        network([PICTURE], device="cpu")
    assert not mark.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists()  # it would have run
