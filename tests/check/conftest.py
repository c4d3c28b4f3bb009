"""The check as it is configured, and scans to try it on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from o2recon.check import ConventionCheck
from o2recon.scene import Scene

OPTIONS = {"depth_scale": 0.001, "scale": 1.0, "pose": "camera_to_world", "axes": "opencv"}
"""Of the scenes below, as far as remedies concern them."""


@pytest.fixture(scope="session")
def check() -> ConventionCheck:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=["stage=run"]).check
    built: ConventionCheck = instantiate(config, _convert_="all")
    return built


@pytest.fixture(scope="session")
def opened() -> Callable[..., Scene]:
    """Opens a folder in ScanNet's layout, colour at an offset if one is given."""

    def open_scene(root: Path, scene_offset: list[float] | None = None) -> Scene:
        offset = "null" if scene_offset is None else str(scene_offset)
        with initialize_config_module("o2recon.conf", version_base="1.3"):
            overrides = ["stage=run", f"scene.root={root}", f"scene.color_offset={offset}"]
            config = compose("config", overrides=overrides).scene
        scene: Scene = instantiate(config, _convert_="all")
        return scene

    return open_scene


@pytest.fixture(scope="session")
def tiny(opened: Callable[[Path], Scene], tiny_room: Path) -> Scene:
    return opened(tiny_room)
