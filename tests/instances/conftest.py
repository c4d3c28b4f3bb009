"""The tiny room as a scene, and the true boxes of its objects."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.scene import Scene
from o2recon.transforms import box_of


@pytest.fixture(scope="session")
def tiny_scene(tiny_room: Path) -> Scene:
    scene: Scene = build(composed("run", (f"scene.root={tiny_room}",)).scene)
    return scene


@pytest.fixture(scope="session")
def tiny_boxes(tiny_room: Path) -> list[dict]:
    """Boxes that are 2 cm too large on every side, as people draw them: deep into the floor."""
    boxes = []
    for number, category in ((1, "chair"), (2, "cardboard box")):
        mesh = trimesh.load(tiny_room / "groundtruth" / f"{number}.ply")
        box = box_of(np.asarray(mesh.vertices))
        yaw = float(np.degrees(np.arctan2(box.rotation[1, 0], box.rotation[0, 0])))
        size = (2 * box.half_extents + 0.04).tolist()
        boxes.append({"id": number, "category": category, "center": box.center.tolist(), "size": size, "yaw": yaw})
    return boxes
