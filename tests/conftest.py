"""Fixtures that every folder of tests may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Scans made by others; tests that need them skip where they are absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared scans are not on this machine")
    return folder


@pytest.fixture(scope="session")
def tiny_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written synthetic room without noise, 14 views of 160 x 120; object 1, a chair, is partly hidden by 2, a box"""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    import o2recon

    conf = Path(o2recon.__file__).parent / "conf"
    with initialize_config_dir(str(conf), version_base=None):
        room = instantiate(compose("synth/tiny").synth)
    written: Path = room.write(tmp_path_factory.mktemp("rooms") / "tiny")
    return written


@pytest.fixture(scope="module")
def few_samples() -> Iterator[None]:
    """Scores from a hundredth of the samples, for tests of everything around them."""
    import functools

    from o2recon.evaluate import evaluator

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluator, "score", functools.partial(evaluator.score, prediction_samples=2000, iou_samples=1000))
        yield


@pytest.fixture(scope="session")
def tiny_inpainter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random in-painting pipeline on disk; tests that need it skip where diffusers is not installed."""
    pytest.importorskip("diffusers")
    from tiny_networks import save_inpainter

    return save_inpainter(tmp_path_factory.mktemp("networks") / "inpainter")


@pytest.fixture(scope="session")
def tiny_depth_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network for monocular depth on disk; tests that need it skip where transformers is not installed."""
    pytest.importorskip("transformers")
    from tiny_networks import save_depth_network

    return save_depth_network(tmp_path_factory.mktemp("networks") / "depth")


@pytest.fixture(scope="session")
def tiny_marigold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random Marigold pipelines for normals and depth on disk; tests that need them skip without diffusers."""
    pytest.importorskip("diffusers")
    from tiny_networks import save_marigold

    folder = tmp_path_factory.mktemp("networks")
    return {kind: save_marigold(folder / kind, kind) for kind in ("normals", "depth")}
