import sys
from pathlib import Path

import numpy as np
import pytest

from o2recon.models import MarigoldDepth, MarigoldNormals

CPU = "cpu"
OPTIONS = {"revision": None, "safetensors": True, "num_steps": None, "resolution": None, "ensemble": 1, "seed": 0}
PICTURES = list(np.random.default_rng(0).integers(0, 255, (3, 40, 56, 3), dtype=np.uint8))


def test_normals_have_unit_length_and_depth_lies_between_0_and_1(tiny_marigold: dict[str, Path]) -> None:
    normal = MarigoldNormals(model=str(tiny_marigold["normals"]), **OPTIONS)(PICTURES[:2], device=CPU)
    assert [n.shape for n in normal] == [(40, 56, 3)] * 2
    np.testing.assert_allclose(np.linalg.norm(normal[0], axis=-1), 1, atol=1e-3)
    depth = MarigoldDepth(model=str(tiny_marigold["depth"]), **OPTIONS)(PICTURES[:1], device=CPU)[0]
    assert depth.shape == (40, 56) and depth.min() >= 0 and depth.max() <= 1 and depth.std() > 0


@pytest.mark.parametrize("ensemble", [1, 3])
def test_a_map_depends_on_the_picture_and_the_seed_alone(tiny_marigold: dict[str, Path], ensemble: int) -> None:
    network = MarigoldNormals(model=str(tiny_marigold["normals"]), **OPTIONS | {"ensemble": ensemble})
    together = network(PICTURES, device=CPU)
    alone = network([PICTURES[1]], device=CPU)[0]
    np.testing.assert_allclose(together[1], alone, atol=2e-3)
    other = MarigoldNormals(model=str(tiny_marigold["normals"]), **OPTIONS | {"ensemble": ensemble, "seed": 1})
    assert np.abs(other([PICTURES[1]], device=CPU)[0] - alone).max() > 0.05


def test_identity_names_all_that_decides(tiny_marigold: dict[str, Path]) -> None:
    names = {
        MarigoldNormals(model=str(tiny_marigold["normals"]), **OPTIONS | change).identity
        for change in ({}, {"num_steps": 2}, {"resolution": 64}, {"ensemble": 3}, {"seed": 1})
    }
    assert len(names) == 5


def test_missing_weights_library_and_the_wrong_pipeline_are_one_line(
    tmp_path: Path, tiny_marigold: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="hf download owner/name"):
        MarigoldNormals(model="owner/name", **OPTIONS)(PICTURES, device=CPU)
    with pytest.raises(ValueError, match="is a MarigoldDepthPipeline, and a MarigoldNormalsPipeline is needed"):
        MarigoldNormals(model=str(tiny_marigold["depth"]), **OPTIONS)(PICTURES, device=CPU)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match=r"o2recon\[diffusion\]"):
        MarigoldNormals(model="owner/name", **OPTIONS)(PICTURES, device=CPU)
