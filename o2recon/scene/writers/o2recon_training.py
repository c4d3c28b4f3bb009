"""Writer of O2-Recon's training data from a prepared object: their code can train on our in-paintings."""

import json
from pathlib import Path

import cv2
import numpy as np
import trimesh
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt

from o2recon.cameras import pixel_centers, unproject
from o2recon.files import folder_written_atomically, write_json
from o2recon.progress import track
from o2recon.scene.registration import Registration
from o2recon.scene.training import CenteredCrop, Normalization, composed, inverse
from o2recon.scene.training_folder import NOTES
from o2recon.types import Camera, ObjectRecord, ObjectView, ViewRecord
from o2recon.workspace import ObjectFolder, depth_to_millimetres, write_image

CELL = 0.005
"""Metres: one point of `point_cloud_scan.ply` in each cube of this size."""
BACKGROUND = 255
"""In `confidence/`: the object is known not to be there."""


class O2ReconTrainingWriter:
    """Writes `<root>/<scene>_scannet_obj_<id>_inpainted/` as O2-Recon's own preparation does (scene/training.py).

    Colours, depth, masks and normals are those that our training sees: photographed where visible, in-painted where
    hidden. Their layout knows one mask and no doubt, so `visible/`, `claim/`, `confidence/` and `o2recon.json` lie
    beside it; their code reads none of them. Views are renumbered from 0; `o2recon.json` has the frames' numbers.
    """

    layout = "o2recon_training"

    def __init__(self, *, root: str | Path) -> None:
        self.root = Path(root)

    def __call__(self, folder: ObjectFolder) -> Path:
        """The folder that was written, in place of an earlier one of ours.

        ValueError for an object that is not prepared or has no depth, and where other data lie.
        """
        record = folder.read_record()
        out = self.root / folder_name(record)
        if out.exists() and not (out / NOTES).is_file():
            raise ValueError(
                f"{out} is there and was not written by 'o2recon convert': set convert.root to a new folder"
            )
        frame = normalization(points := _cloud(folder, record))
        with folder_written_atomically(out) as temporary:
            matrices: dict[str, np.ndarray] = {}
            for number, view in enumerate(track(record.views, description=f"object {record.object}: training data")):
                camera = _write_view(temporary, number, folder.read_view(view), frame)
                pose = frame.normalized(view.camera_to_world)
                _write_poses(temporary, number, view, pose)
                matrices[f"world_mat_{number}"] = composed(camera, pose)
                matrices[f"scale_mat_{number}"] = np.eye(4)
            np.savez(temporary / "cameras_sphere.npz", **matrices)  # type: ignore[arg-type]
            _write_object(temporary, folder, record, frame, points)
        return out


def folder_name(record: ObjectRecord) -> str:
    """As theirs are called."""
    return f"{record.scene.removesuffix('_scannet')}_scannet_obj_{record.object}_inpainted"


def normalization(points: Float[np.ndarray, "points 3"]) -> Normalization:
    """Centre and half the diagonal of the cloud's box, with the 4 decimals that `trans_n2w.txt` has."""
    low, high = points.min(0), points.max(0)
    return Normalization(np.round((low + high) / 2, 4), max(round(float(np.linalg.norm(high - low)) / 2, 4), 1e-4))


def _cloud(folder: ObjectFolder, record: ObjectRecord) -> Float[np.ndarray, "points 3"]:
    """The object's surface in all views, photographed or in-painted, without edges of depth and mask; world, metres."""
    found = [_points(folder.read_view(view)) for view in track(record.views, description="points of all views")]
    points = np.concatenate(found)
    if not len(points):
        raise ValueError(f"{folder.path}: no view has depth on the object: prepare it again with more views")
    _, first = np.unique(np.floor(points / CELL).astype(np.int64), axis=0, return_index=True)
    return points[np.sort(first)]


def _points(view: ObjectView) -> Float[np.ndarray, "points 3"]:
    depth, kernel = view.object_depth.astype(np.float32), np.ones((3, 3), np.uint8)
    mask = cv2.erode((_whole(view) & (depth > 0)).astype(np.uint8), kernel) > 0
    smooth = cv2.dilate(depth, kernel) - cv2.erode(depth, kernel) < 0.02 + 0.02 * depth
    kept = mask & smooth
    return unproject(view.camera, view.camera_to_world, pixel_centers(view.camera)[kept], depth[kept].astype(float))


def _whole(view: ObjectView) -> Bool[np.ndarray, "height width"]:
    return view.visible | view.hidden


def _write_view(root: Path, number: int, view: ObjectView, frame: Normalization) -> Float[np.ndarray, "3 3"]:
    """All pictures of one view; returns its intrinsics as files have them."""
    crop = CenteredCrop.of((view.camera.width, view.camera.height))
    camera = crop.camera(view.camera)
    moved = Registration(source=view.camera, target=camera)
    mask, visible = (moved.nearest(m.astype(np.uint8)) > 0 for m in (_whole(view), view.visible))
    color = moved.smooth(np.ascontiguousarray(view.color))
    depth = depth_to_millimetres(np.where(_whole(view), view.object_depth, view.depth))
    scaled = np.rint(depth / frame.scale)
    silent = view.possible | view.unknown
    sure = np.where(_whole(view), np.where(view.visible, 1, view.confidence), np.where(silent, 0, BACKGROUND / 255))
    pictures = {
        "image": color,
        "mask": mask,
        "depth": depth,
        "scale_depth": np.where(scaled <= 65535, scaled, 0).astype(np.uint16),
        "visible": visible,
        "claim": moved.nearest(np.rint(view.claim * 255).astype(np.uint8)),
        "confidence": moved.nearest(np.rint(sure * 255).astype(np.uint8)),
    }
    for kind, picture in pictures.items():
        write_image(root / kind / f"{number:04d}.png", picture)
    write_image(root / "image_filled" / f"{number:04d}.jpg", color)
    _write_normal(root / "pred_normal" / f"{number:04d}.npz", _normal(view, moved, mask))
    return crop.to_file(camera)


def _normal(
    view: ObjectView, moved: Registration, mask: Bool[np.ndarray, "rows columns"]
) -> Float[np.ndarray, "rows columns 3"]:
    """x left, y up, z towards the camera, -1 outside of the mask. Theirs have one everywhere inside it: where ours has
    none, the nearest."""
    normal = -np.stack([moved.nearest(view.normal[..., axis]) for axis in range(3)], -1).astype(np.float64)
    length = np.linalg.norm(normal, axis=-1)
    known = mask & (length > 0.1)
    if not known.any():
        return np.full(normal.shape, -1.0)
    row, column = distance_transform_edt(~known, return_distances=False, return_indices=True)
    unit = (normal / np.maximum(length, 1e-9)[..., None])[row, column]
    return np.where(mask[..., None], unit, -1.0)


def _write_normal(file: Path, normal: Float[np.ndarray, "rows columns 3"]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, normal)  # arr_0


def _write_poses(root: Path, number: int, view: ViewRecord, pose: Float[np.ndarray, "4 4"]) -> None:
    _write_matrix(root / "pose" / f"{number:04d}.txt", view.camera_to_world)
    _write_matrix(root / "extrin_norm" / f"{number:04d}.txt", pose)
    _write_matrix(root / "extrin_norm" / f"{number:04d}_inv.txt", inverse(pose))


def _write_matrix(file: Path, matrix: Float[np.ndarray, "4 4"], digits: str = "%.17g") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(file, matrix, fmt=digits)


def _write_object(
    root: Path, folder: ObjectFolder, record: ObjectRecord, frame: Normalization, points: Float[np.ndarray, "points 3"]
) -> None:
    """What there is once for all views."""
    _write_matrix(root / "trans_n2w.txt", frame.matrix, "%.4f")
    (root / "semantic.txt").write_text(f"{record.category}\n")
    write_json(root / "clip_scores.json", _scores(folder, record))
    eyes = np.stack([frame.normalized(v.camera_to_world)[:3, 3] for v in record.views])
    clouds = {
        "point_cloud_scan": points,
        "point_cloud_scan_norm": (points - frame.center) / frame.scale,
        "cam_norm": eyes,
    }
    for name, cloud in clouds.items():
        trimesh.PointCloud(cloud).export(root / f"{name}.ply")
    camera: Camera = record.views[0].camera
    notes = {
        "image_size": [camera.width, camera.height],
        "scene": record.scene,
        "object": record.object,
        "frames": [v.index for v in record.views],
    }
    write_json(root / NOTES, notes)


def _scores(folder: ObjectFolder, record: ObjectRecord) -> dict[str, float]:
    """View number: CLIP's similarity where the views were chosen by it, else their score as a share of the best."""
    file = folder.path / "clip_scores.json"
    if file.is_file():
        told = json.loads(file.read_text())["scores"]
        return {str(n): float(told[str(v.index)]) for n, v in enumerate(record.views)}
    best = max((v.score for v in record.views), default=0.0)
    return {str(n): v.score / best if best > 0 else 1.0 for n, v in enumerate(record.views)}
