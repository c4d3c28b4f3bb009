"""Prompted masks with a network that knows the truth, one that knows nothing, and a random one from disk."""

from pathlib import Path

import numpy as np
import pytest
from composed_parts import built

from o2recon.instances import InstanceScene, read_boxes
from o2recon.instances.sam import inner_points, projected_box
from o2recon.scene import Scene
from o2recon.scene.derived import DerivedScene


class Knowing:
    """Gives the true mask of the object under the prompts; what it was asked is kept."""

    obstacle = None
    identity = "knowing"

    def __init__(self, scene: Scene) -> None:
        self._ids = {f.color.tobytes(): f.instance for f in scene.frames()}
        self.points: list[np.ndarray] = []

    def __call__(self, image, boxes, points, *, device):  # type: ignore[no-untyped-def]
        ids = self._ids[image.tobytes()]
        masks = []
        for k, (left, top, right, bottom) in enumerate(np.rint(boxes).astype(int)):
            asked = ids[top:bottom, left:right] if points is None else ids[tuple(points[k].astype(int).T[::-1])]
            masks.append(ids == np.bincount(asked[asked > 0].ravel(), minlength=1).argmax() if asked.any() else ids < 0)
        if points is not None:
            self.points.append(points)
        return np.stack(masks), np.linspace(0, 1, len(masks)).astype(np.float32)

    def release(self) -> None:
        pass


class Ignorant(Knowing):
    """Everything but the object."""

    identity = "ignorant"

    def __call__(self, image, boxes, points, *, device):  # type: ignore[no-untyped-def]
        masks, scores = super().__call__(image, boxes, points, device=device)
        return ~masks, scores


class Blind(DerivedScene):
    def __init__(self, base: Scene) -> None:
        super().__init__(base, identity="blind")
        self.has_depth = False


def prompted(scene: Scene, boxes: list[dict], network: object, folder: Path) -> InstanceScene:
    source = built("instances", "instances=sam", boxes=boxes)
    if network is not None:
        source.network = network
    found = source(scene, folder, device="cpu")
    assert isinstance(found, InstanceScene)
    return found


def overlap(made: Scene, truth: Scene, number: int) -> float:
    pairs = [(made.instance(i) == number, truth.instance(i) == number) for i in truth.indices]
    return sum(int((a & b).sum()) for a, b in pairs) / sum(int((a | b).sum()) for a, b in pairs)


def test_a_network_that_knows_gives_masks_that_end_at_the_edge(
    tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path
) -> None:
    network = Knowing(tiny_scene)
    made = prompted(tiny_scene, tiny_boxes, network, tmp_path)
    assert min(overlap(made, tiny_scene, number) for number in (1, 2)) > 0.97
    assert made.categories == {1: "chair", 2: "cardboard box"} and network.points[0].shape[1:] == (3, 2)


def test_a_network_that_is_wrong_is_not_believed(tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path) -> None:
    made = prompted(tiny_scene, tiny_boxes, Ignorant(tiny_scene), tmp_path)
    assert min(overlap(made, tiny_scene, number) for number in (1, 2)) > 0.85


def test_without_depth_the_projected_box_is_the_prompt(
    tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path
) -> None:
    made = prompted(Blind(tiny_scene), tiny_boxes, Knowing(tiny_scene), tmp_path)
    assert made.instance(0).any() and overlap(made, tiny_scene, 2) > 0.5
    assert made.fingerprint() != prompted(tiny_scene, tiny_boxes, Knowing(tiny_scene), tmp_path).fingerprint()


@pytest.mark.slow
def test_a_random_network_from_disk_runs(tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tiny_networks import save_sam2

    folder = save_sam2(tmp_path / "sam2")
    source = built("instances", "instances=sam", boxes=tiny_boxes, network__model=str(folder))
    made = source(tiny_scene, tmp_path / "made", device="cpu")
    assert min(overlap(made, tiny_scene, number) for number in (1, 2)) > 0.4  # what it says otherwise is not believed


def test_missing_weights_are_said(tiny_scene: Scene, tiny_boxes: list[dict], tmp_path: Path) -> None:
    source = built("instances", "instances=sam", boxes=tiny_boxes, network__model="nobody/nothing")
    with pytest.raises(ValueError, match=r"instances=sam: .*hf download nobody/nothing"):
        source(tiny_scene, tmp_path, device="cpu").instance(0)


def test_projected_boxes_and_points_inside_masks(tiny_scene: Scene, tiny_boxes: list[dict]) -> None:
    box = read_boxes(tiny_boxes, np.eye(4))[1]
    frame = tiny_scene.frame(0)
    left, top, right, bottom = projected_box(box, frame.camera, frame.camera_to_world)
    rows, columns = np.nonzero(frame.instance == 2)
    assert left <= columns.min() and columns.max() < right and top <= rows.min() and rows.max() < bottom
    behind = frame.camera_to_world @ np.diag([-1.0, 1, -1, 1])
    assert projected_box(box, frame.camera, behind) is None
    mask = np.zeros((40, 60), bool)
    mask[5:35, 5:55] = True
    points = inner_points(mask, 3)
    assert all(mask[int(v), int(u)] for u, v in points)
    assert min(np.linalg.norm(points[a] - points[b]) for a in range(3) for b in range(a)) > 8
