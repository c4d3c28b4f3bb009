"""The tiny room as a scene."""

from pathlib import Path

import pytest

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.scene import Scene


@pytest.fixture(scope="session")
def tiny_scene(tiny_room: Path) -> Scene:
    scene: Scene = build(composed("run", (f"scene.root={tiny_room}",)).scene)
    return scene
