import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from sphere_scene import sphere_scene

from o2recon.cues import to_opencv
from o2recon.scene import TrainingFolder
from o2recon.scene.capture import Capture
from o2recon.scene.readers import O2ReconTrainingReader
from o2recon.scene.registration import Registration
from o2recon.scene.training import CenteredCrop
from o2recon.scene.writers import O2ReconTrainingWriter
from o2recon.types import ObjectView
from o2recon.workspace import ObjectFolder

SPHERE = sphere_scene(num_views=3, size=480, shift=(1.0, -2.0, 0.5), turn=0.4)
Carried = list[tuple[int, ObjectView, Registration]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    """The sphere, partly hidden by a plate: views 0, 10 and 20 of object 1."""
    return SPHERE.write(tmp_path_factory.mktemp("work") / "test" / "objects" / "1")


@pytest.fixture(scope="module")
def written(prepared: ObjectFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return O2ReconTrainingWriter(root=tmp_path_factory.mktemp("indoor-paper"))(prepared)


@pytest.fixture(scope="module")
def capture(written: Path) -> Capture:
    return O2ReconTrainingReader(image_size=None, object_id=None)(written)


@pytest.fixture(scope="module")
def views(prepared: ObjectFolder) -> Carried:
    """Number, prepared view, and how its pictures get to 640x480."""
    found = [prepared.read_view(view) for view in prepared.read_record().views]
    crop = CenteredCrop.of((480, 480))
    return [(n, v, Registration(source=v.camera, target=crop.camera(v.camera))) for n, v in enumerate(found)]


def carried(registration: Registration, mask: np.ndarray) -> np.ndarray:
    return registration.nearest(mask.astype(np.uint8)) > 0


def test_files_are_those_of_the_layout(written: Path) -> None:
    assert written.name == "test_scannet_obj_1_inpainted"
    kinds = {"image": "png", "mask": "png", "depth": "png", "scale_depth": "png", "pose": "txt", "image_filled": "jpg"}
    for kind, suffix in (kinds | {"pred_normal": "npz"}).items():
        assert sorted(f.name for f in (written / kind).iterdir()) == [f"{i:04d}.{suffix}" for i in range(3)]
    assert len(list((written / "extrin_norm").glob("000?_inv.txt"))) == 3
    for kind, dtype in (("image", np.uint8), ("mask", np.uint8), ("depth", np.uint16), ("scale_depth", np.uint16)):
        picture = cv2.imread(str(written / kind / "0000.png"), cv2.IMREAD_UNCHANGED)
        assert picture.dtype == dtype and picture.ndim == (3 if kind == "image" else 2)
        assert picture.shape[:2] == ((480, 480) if "depth" in kind else (480, 640))
    mask = cv2.imread(str(written / "mask" / "0000.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(mask)) == {0, 255}
    normal = np.load(written / "pred_normal" / "0000.npz")["arr_0"]
    assert normal.dtype == np.float64 and normal.shape == (480, 640, 3) and (normal[mask == 0] == -1).all()
    np.testing.assert_allclose(np.linalg.norm(normal[mask > 0], axis=-1), 1, atol=1e-9)
    assert (normal[mask > 0][:, 2] > 0).all()  # towards the camera
    assert (written / "semantic.txt").read_text() == "ball\n"
    assert json.loads((written / "clip_scores.json").read_text()) == {"0": 1.0, "1": 1.0, "2": 1.0}


def test_the_sphere_lies_in_the_unit_sphere_of_its_frame(written: Path) -> None:
    told = np.loadtxt(written / "trans_n2w.txt")
    np.testing.assert_array_equal(told, np.round(told, 4))
    np.testing.assert_allclose(told[:3, 3], SPHERE.frame.center, atol=0.03)
    assert told[0, 0] == pytest.approx(np.sqrt(3) * SPHERE.radius, rel=0.1)
    points = trimesh.load(written / "point_cloud_scan_norm.ply").vertices
    assert 0.9 < np.linalg.norm(points, axis=1).max() * np.sqrt(3) < 1.15
    world = trimesh.load(written / "point_cloud_scan.ply").vertices
    np.testing.assert_allclose(points * told[0, 0] + told[:3, 3], world, atol=1e-5)
    on_surface = np.abs(np.linalg.norm(world - SPHERE.frame.center, axis=1) - SPHERE.radius)
    assert on_surface.max() < 0.002


def test_their_own_equations_find_the_sphere(written: Path) -> None:
    """As NeuS reads it, without our reader: pixels of the projected normalised sphere are those of the mask."""
    npz = np.load(written / "cameras_sphere.npz")
    points = trimesh.load(written / "point_cloud_scan_norm.ply").vertices
    for number in range(3):
        projection = npz[f"world_mat_{number}"] @ npz[f"scale_mat_{number}"]
        local = np.pad(points, ((0, 0), (0, 1)), constant_values=1) @ projection.T
        u, v = np.rint(local[:, :2] / local[:, 2:3]).astype(int).T
        mask = cv2.imread(str(written / "mask" / f"{number:04d}.png"), cv2.IMREAD_UNCHANGED) > 0
        inside = (u >= 0) & (v >= 0) & (u < 640) & (v < 480)
        front = inside & (local[:, 2] > 0)
        assert mask[v[front], u[front]].mean() > 0.97
        pose, back = (np.loadtxt(written / "extrin_norm" / f"{number:04d}{end}.txt") for end in ("", "_inv"))
        np.testing.assert_allclose(pose @ back, np.eye(4), atol=1e-9)
        np.testing.assert_allclose(projection @ pose[:, 3], [0, 0, 0, 1], atol=1e-9)  # the centre is seen nowhere


def test_opencv_decomposes_the_cameras_as_neus_does(written: Path, views: Carried) -> None:
    npz, told = np.load(written / "cameras_sphere.npz"), np.loadtxt(written / "trans_n2w.txt")
    for number, view, _ in views:
        k, rotation, eye, *_ = cv2.decomposeProjectionMatrix(
            npz[f"world_mat_{number}"][:3] @ npz[f"scale_mat_{number}"]
        )
        factor = 468 / 640  # 480x480 is cropped to 468x351
        expected = view.camera.intrinsics - [[0, 0, 0.5 + 6], [0, 0, 0.5 + 64.5], [0, 0, 0]]
        expected[:2] /= factor
        np.testing.assert_allclose(k / k[2, 2], expected, atol=1e-6)
        np.testing.assert_allclose(rotation.T, view.camera_to_world[:3, :3], atol=1e-9)
        origin = (told @ (eye / eye[3]))[:3, 0]
        np.testing.assert_allclose(origin, view.camera_to_world[:3, 3], atol=1e-9)
        inverse = np.loadtxt(written / "extrin_norm" / f"{number:04d}_inv.txt")
        np.testing.assert_allclose(inverse[:3, :3], rotation, atol=1e-9)


def test_cameras_come_back(views: Carried, capture: Capture) -> None:
    for (_, view, registration), shot in zip(views, capture.shots, strict=True):
        expected = CenteredCrop.of((480, 480)).camera(view.camera)
        np.testing.assert_allclose(shot.lens.camera.intrinsics, expected.intrinsics, atol=1e-6)
        np.testing.assert_allclose(shot.camera_to_world, view.camera_to_world, atol=1e-6)
        assert registration.covered.all()


def test_poses_come_back_from_the_cameras_alone(written: Path, views: Carried, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(written, tmp_path / written.name, ignore=shutil.ignore_patterns("pose")))
    shots = O2ReconTrainingReader(image_size=None, object_id=None)(copy).shots
    for (_, view, _), shot in zip(views, shots, strict=True):
        np.testing.assert_allclose(shot.camera_to_world, view.camera_to_world, atol=1e-6)


def test_masks_depth_and_colour_come_back(written: Path, views: Carried, capture: Capture) -> None:
    folder = TrainingFolder(root=written, image_size=None)
    for (number, view, registration), shot in zip(views, capture.shots, strict=True):
        found = folder.read(number)
        hidden, visible = carried(registration, view.hidden), carried(registration, view.visible)
        np.testing.assert_array_equal(found.mask, hidden | visible)
        np.testing.assert_array_equal(found.visible, visible)
        own = registration.depth(np.where(view.visible | view.hidden, view.object_depth, view.depth))
        both = found.mask & (found.object_depth > 0)
        assert both.sum() > 0.99 * found.mask.sum()
        np.testing.assert_allclose(found.object_depth[both], own[both], atol=1e-3)
        outside = ~found.mask
        np.testing.assert_allclose(found.depth[outside], own[outside], atol=1e-3)
        assert not found.depth[hidden].any()
        np.testing.assert_array_equal(shot.color.read(), registration.smooth(view.color))
        assert found.claim is not None and found.confidence is not None
        np.testing.assert_allclose(found.claim[hidden], 0.9, atol=1 / 255)
        np.testing.assert_allclose(found.confidence[hidden], 0.8, atol=1 / 255)
        silent = carried(registration, view.unknown)
        np.testing.assert_array_equal(found.confidence[outside] == 0, silent[outside])


def test_normals_come_back(written: Path, views: Carried) -> None:
    for number, view, registration in views:
        found = to_opencv(np.load(written / "pred_normal" / f"{number:04d}.npz")["arr_0"], "snu")
        expected = np.stack([registration.nearest(view.normal[..., k]) for k in range(3)], -1)
        given = (expected != 0).any(-1) & carried(registration, view.visible | view.hidden)
        assert given.any()
        length = np.linalg.norm(expected[given], axis=-1, keepdims=True)  # prepared normals have 16 bits
        np.testing.assert_allclose(found[given], expected[given] / length, atol=1e-6)


def test_nobody_else_s_data_are_replaced(prepared: ObjectFolder, tmp_path: Path) -> None:
    theirs = tmp_path / "test_scannet_obj_1_inpainted" / "semantic.txt"
    theirs.parent.mkdir()
    theirs.write_text("chair")
    with pytest.raises(ValueError, match="was not written by 'o2recon convert'"):
        O2ReconTrainingWriter(root=tmp_path)(prepared)
    assert theirs.read_text() == "chair"
