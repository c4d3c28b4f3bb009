import sys
from pathlib import Path

import numpy as np
import pytest

from o2recon.models import MonocularDepth


def test_depth_has_the_pictures_size_and_metric_networks_are_inverted(tiny_depth_network: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    found = {
        kind: MonocularDepth(model=str(tiny_depth_network), revision=None, safetensors=True, predicts=kind)(
            [picture], device="cpu"
        )[0]
        for kind in ("inverse", "metric")
    }
    assert found["inverse"].shape == (40, 60)
    np.testing.assert_allclose(found["metric"], 1 / np.maximum(found["inverse"], 1e-3), rtol=1e-4)


def test_missing_weights_and_missing_library_are_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    network = MonocularDepth(model="owner/name", revision=None, safetensors=True, predicts="inverse")
    picture = np.zeros((8, 8, 3), np.uint8)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        with pytest.raises(ImportError, match=r"o2recon\[diffusion\]"):
            network([picture], device="cpu")
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match="hf download owner/name"):
        network([picture], device="cpu")


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="choose one of inverse, metric"):
        MonocularDepth(model="any", revision=None, safetensors=True, predicts="disparity")
