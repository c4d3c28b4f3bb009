"""One folder of O2-Recon's training data: what each of its files says, on the grid of its 640x480 pictures."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.cameras import pixel_centers, unnormalized_rays
from o2recon.scene.images import Kind, decoded
from o2recon.scene.matrices import read_matrix, read_pose
from o2recon.scene.registration import Registration
from o2recon.scene.scene import DamagedFrame
from o2recon.scene.training import FAR, PHOTOGRAPH, CenteredCrop, Normalization, decomposed, read_cameras
from o2recon.types import Camera

CLOUD = "point_cloud_scan_norm.ply"
NOTES = "o2recon.json"
"""Beside their files, when `o2recon convert` wrote the folder: what their layout has no room for."""
EXTRAS = ("visible", "claim", "confidence")
"""Folders beside theirs, when we wrote it: the photographed part of `mask/`, how sure a hidden pixel shows the object,
and what a pixel's colour and depth are worth (outside of the mask 0: nothing is known, not even that it is empty)."""
REACH = 1.1
"""Of the unit sphere: depth beyond it is another surface's."""
NEAR = 0.03
"""Metres: at least so far around the folder's point cloud depth is the object's."""
GAP_PX = 5
"""Half the width of ordinary drop-out; wider parts of the mask without depth of the object are in-painted."""
TOLERANCE = (0.01, 0.01)
"""Metres and radians by which `pose/` and `cameras_sphere.npz` may differ: `trans_n2w.txt` is rounded."""


@dataclass(frozen=True)
class TrainingView:
    """One view. `mask`: the whole object, photographed or in-painted; `visible`: its photographed part.

    `depth`: metres, what a camera measured, 0 where nothing is known of it. `object_depth`: the object's own, 0 where
    it has none. `claim`, `confidence`: in [0, 1], None where the folder does not say.
    """

    mask: Bool[np.ndarray, "height width"]
    visible: Bool[np.ndarray, "height width"]
    depth: Float[np.ndarray, "height width"]
    object_depth: Float[np.ndarray, "height width"]
    claim: Float[np.ndarray, "height width"] | None
    confidence: Float[np.ndarray, "height width"] | None


class TrainingFolder:
    """`root` holds `image mask depth pred_normal` and the rest of scene/training.py's layout.

    `image_size`: width and height of the photographs before they were cropped; None: what a folder that we wrote says,
    else ScanNet's.
    """

    def __init__(self, *, root: str | Path, image_size: Sequence[int] | None) -> None:
        self.root, self.image_size = Path(root), image_size
        self._registrations: dict[str, Registration] = {}

    @cached_property
    def crop(self) -> CenteredCrop:
        """ValueError when what the folder says of its photographs is no size."""
        file = self.root / NOTES
        if self.image_size is not None:
            return CenteredCrop.of((int(self.image_size[0]), int(self.image_size[1])))
        if not file.is_file():
            return CenteredCrop.of(PHOTOGRAPH)
        try:
            width, height = (int(n) for n in json.loads(file.read_text())["image_size"])
            if min(width, height) < 16 or max(width, height) > 16384:
                raise ValueError(f"{width}x{height}")
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
            raise ValueError(f"{file} does not name the photographs' image_size: convert the object again") from error
        return CenteredCrop.of((width, height))

    @cached_property
    def normalization(self) -> Normalization:
        """ValueError when `trans_n2w.txt` is missing or no scale and shift."""
        file = self.root / "trans_n2w.txt"
        return Normalization.of(read_matrix(file), file)

    @property
    def object_id(self) -> int | None:
        """What the folder's name says; None when it says nothing."""
        found = re.search(r"_obj_?(\d+)", self.root.resolve().name)
        return int(found[1]) if found else None

    @property
    def category(self) -> str:
        """First line of `semantic.txt`; 'object' without it."""
        return read_category(self.root)

    def file(self, kind: str, index: int, suffix: str = ".png") -> Path:
        """Of one view; zeros before the number are of no account."""
        wanted = self.root / kind / f"{index:04d}{suffix}"
        other = self.root / kind / f"{index}{suffix}"
        return other if other.is_file() and not wanted.is_file() else wanted

    def indices(self) -> list[int]:
        """Numbers of the views that have an image. ValueError when there is none."""
        folder = self.root / "image"
        files = folder.iterdir() if folder.is_dir() else ()
        found = sorted({int(f.stem) for f in files if f.suffix == ".png" and f.stem.isascii() and f.stem.isdigit()})
        if not found:
            raise ValueError(
                f"{folder} holds no <number>.png: scene.root must be one folder of O2-Recon's training data"
            )
        return found

    def camera(self, index: int, size: tuple[int, int]) -> tuple[Camera, Float[np.ndarray, "4 4"]]:
        """Camera of a view's picture of `size` (width, height), and its pose: camera_to_world, metres.

        Both are `world_mat_<i> @ scale_mat_<i>`, decomposed; the pose in `pose/` needs no normalisation undone and is
        taken where it is there. ValueError when the two disagree, or for what is no such camera.
        """
        source = f"{self.root / 'cameras_sphere.npz'}, world_mat_{index}"
        if f"world_mat_{index}" not in self._cameras:
            raise ValueError(f"{source} is missing")
        projection = self._cameras[f"world_mat_{index}"] @ self._cameras.get(f"scale_mat_{index}", np.eye(4))
        k, camera_to_object = decomposed(projection, source)
        camera, pose = self.crop.from_file(k, size), self.normalization.metric(camera_to_object)
        x, y = camera.intrinsics[:2, 2]
        if not (0 < x < size[0] and 0 < y < size[1]):
            raise ValueError(f"{source}: principal point {x:g}, {y:g} lies outside of the picture, {size[0]}x{size[1]}")
        file = self.file("pose", index, ".txt")
        if not file.is_file():
            return camera, pose
        told = read_pose(file)
        if np.abs(told[:3, 3]).max() > FAR:
            raise ValueError(f"{file} is no pose of an object's camera: it is {np.abs(told[:3, 3]).max():.3g} m away")
        turn = np.arccos(np.clip((np.trace(told[:3, :3].T @ pose[:3, :3]) - 1) / 2, -1, 1))
        shift = np.linalg.norm(told[:3, 3] - pose[:3, 3])
        if shift > TOLERANCE[0] or turn > TOLERANCE[1]:
            raise ValueError(f"{file} and {source} disagree by {shift:.3g} m and {np.degrees(turn):.2g} degrees")
        return camera, told

    def check(self) -> None:
        """ValueError when what all views need is missing or damaged."""
        assert self.crop and self.normalization
        if not self._cameras:
            raise ValueError(f"{self.root / 'cameras_sphere.npz'} holds no world_mat_<i>: copy it again")

    def read(self, index: int, target: Camera | None = None) -> TrainingView:
        """One view on the grid of `target`, a camera with the picture's centre; None: on the picture's own.

        DamagedFrame when a file cannot be decoded.
        """
        raw = _decoded(self.file("mask", index), "color")[..., 0]
        camera, pose = self.camera(index, (raw.shape[1], raw.shape[0]))
        carried = self._registration(camera, camera if target is None else target)
        mask = carried.nearest(raw) > 127
        depth = self._depth(index, camera)
        own = (depth > 0) & self._is_near(depth, camera, pose)
        inside = mask & (carried.nearest(own.astype(np.uint8)) > 0)
        depth = carried.depth(depth)
        shown, claim = self._extra("visible", index, carried), self._extra("claim", index, carried)
        visible = mask & (inside | ((depth <= 0) & _closed(inside)) if shown is None else shown > 0.5)
        return TrainingView(
            mask=mask,
            visible=visible,
            depth=np.where(inside & ~visible, 0, depth).astype(np.float32),
            object_depth=np.where(inside, depth, 0).astype(np.float32),
            claim=claim,
            confidence=self._extra("confidence", index, carried),
        )

    @cached_property
    def _cameras(self) -> Mapping[str, Float[np.ndarray, "4 4"]]:
        return read_cameras(self.root / "cameras_sphere.npz")

    def _extra(self, kind: str, index: int, carried: Registration) -> Float[np.ndarray, "height width"] | None:
        """One of EXTRAS, in [0, 1]; None where the folder does not have it."""
        file = self.file(kind, index)
        if not file.is_file():
            return None
        values: np.ndarray = carried.nearest(_decoded(file, "color")[..., 0]).astype(np.float32) / 255
        return values

    def _depth(self, index: int, camera: Camera) -> Float[np.ndarray, "height width"]:
        """Metres, from the depth image, which shows the whole photograph."""
        raw = _decoded(self.file("depth", index), "depth")
        source = self.crop.photograph(camera, (raw.shape[1], raw.shape[0]))
        return self._registration(source, camera).depth(np.where(raw < 65535, raw, 0).astype(np.float32)) / 1000

    def _registration(self, source: Camera, target: Camera) -> Registration:
        """Kept, since most views share one: at most 8, each takes some bytes per pixel."""
        key = repr([(c.intrinsics.tolist(), c.width, c.height) for c in (source, target)])
        registration = self._registrations.get(key)
        if registration is None:  # views are read by several threads: two may make the same one
            registration = Registration(source=source, target=target)
            if len(self._registrations) < 8:
                self._registrations[key] = registration
        return registration

    def _is_near(
        self, depth: Float[np.ndarray, "height width"], camera: Camera, camera_to_world: Float[np.ndarray, "4 4"]
    ) -> Bool[np.ndarray, "height width"]:
        """Where the measured point lies on the folder's point cloud, or, without one, within REACH of the object."""
        rays = unnormalized_rays(camera, pixel_centers(camera)) @ camera_to_world[:3, :3].T
        points = rays * depth[..., None] + (camera_to_world[:3, 3] - self.normalization.center)
        inside: np.ndarray = np.linalg.norm(points, axis=-1) < REACH * self.normalization.scale
        if self._cloud is None:
            return inside
        cells = np.floor(points[inside] / NEAR).astype(np.int64)
        inside[inside] = np.isin(_keys(cells), self._cloud)
        return inside

    @cached_property
    def points(self) -> Float[np.ndarray, "points 3"] | None:
        """`point_cloud_scan_norm.ply` in the world, metres: the object's fused surface. None without the file.

        ValueError when it is damaged.
        """
        from o2recon.scene.readers.ply_points import read_ply_points  # not above: readers/ imports this module

        file = self.root / CLOUD
        if not file.is_file():
            return None
        points = read_ply_points(file)
        if not len(points) or np.abs(points).max() > FAR:
            raise ValueError(f"{file} holds no points of an object: copy it again, or remove it to do without")
        return points * self.normalization.scale + self.normalization.center

    @cached_property
    def _cloud(self) -> Int[np.ndarray, "cells"] | None:
        """Keys of the cells of NEAR metres in or next to which points of the cloud lie."""
        if self.points is None:
            return None
        cells = np.unique(np.floor((self.points - self.normalization.center) / NEAR).astype(np.int64), axis=0)
        steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
        return np.unique(_keys((cells[:, None] + steps).reshape(-1, 3)))


def _keys(cells: Int[np.ndarray, "cells 3"]) -> Int[np.ndarray, "cells"]:
    """One number for each cell within 30 km of the object."""
    x, y, z = (np.clip(cells, -(1 << 20) + 1, (1 << 20) - 1) + (1 << 20)).T
    return (x << 42) | (y << 21) | z


def _closed(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The mask with its gaps up to 2 GAP_PX wide."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GAP_PX + 1, 2 * GAP_PX + 1))
    wide = np.pad(mask.astype(np.uint8), GAP_PX)
    return cv2.morphologyEx(wide, cv2.MORPH_CLOSE, kernel)[GAP_PX:-GAP_PX, GAP_PX:-GAP_PX] > 0


def read_category(folder: Path) -> str:
    """First line of the folder's `semantic.txt`, at most 100 letters; 'object' without it."""
    try:
        lines = (folder / "semantic.txt").read_text(errors="replace").strip().splitlines()
    except OSError:
        return "object"
    return lines[0].strip()[:100] if lines else "object"


def _decoded(file: Path, kind: Kind) -> np.ndarray:
    try:
        return decoded(str(file), file.read_bytes(), kind)
    except OSError as error:
        raise DamagedFrame(f"{file} cannot be read: {error.strerror}") from error
