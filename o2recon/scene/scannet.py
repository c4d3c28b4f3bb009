"""Reader of ScanNet's export layout."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from o2recon.scene.floor import floor_height
from o2recon.scene.headers import ImageHeader, check_png, read_header
from o2recon.scene.labels import find_table, read_labels
from o2recon.scene.matrices import check_identity, read_camera, read_pose, resized
from o2recon.scene.registration import Registration
from o2recon.scene.scene import DamagedFrame, Scene
from o2recon.types import Camera, Frame

FOLDERS = {
    "color": (".jpg", ".jpeg", ".png"),
    "depth": (".png",),
    "pose": (".txt",),
    "instance-filt": (".png",),
    "label-filt": (".png",),
}
IMAGES = ("color", "depth", "instance-filt", "label-filt")
SKETCH_SUFFIX = "_class_inpaint mask"
FLOOR_FRAMES = 60

log = logging.getLogger(__name__)


class ScanNetScene(Scene):
    """A folder in ScanNet's export layout: `color depth pose intrinsic instance-filt label-filt` and a label table.

    Files are named by frame number, gaps allowed. Colour, instance and label images of any size are carried once to the
    depth camera's grid; where the instance images do not reach, depth is dropped: nothing says what it belongs to.
    Opening reads all poses and image headers, never a whole image. `frame_skip`: use every n-th frame. `depth_scale`:
    metres per unit of the depth images. `depth_noise`: (a, b, c) of sigma(z) = a + b (z - c)^2, metres. `sketches`: a
    further folder of sketches beside the scene's own. ValueError, one line naming file and remedy, for what cannot be
    read and for more than `max_bad_share` damaged frames.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        frame_skip: int,
        max_bad_share: float,
        depth_scale: float,
        depth_noise: Sequence[float],
        sketches: str | Path | None,
    ) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise ValueError(f"{self.root} is no folder: set scene.root to a scan in ScanNet's export layout")
        if frame_skip < 1:
            raise ValueError(f"scene.frame_skip is {frame_skip}; it must be at least 1: 1 uses every frame")
        if sketches is not None and not Path(sketches).is_dir():
            raise ValueError(f"{sketches} is no folder: set scene.sketches to a folder of <object>/ folders, or null")
        self.name = self.root.resolve().name
        self.up = np.array([0.0, 0.0, 1.0])
        self.max_bad_share, self._depth_scale, self._depth_noise = max_bad_share, depth_scale, tuple(depth_noise)
        self.groundtruth = self.root / "groundtruth" if (self.root / "groundtruth").is_dir() else None
        self._sketch_folders = [self.root / "sketches"] + ([Path(sketches)] if sketches is not None else [])
        self._files = {kind: self._list(kind) for kind in FOLDERS}
        self._existing("intrinsic")
        self._table = find_table(self.root)
        self.labels = read_labels(self._table)
        self._check_frames(frame_skip)
        self.camera = self._camera("depth")
        self._colors = self._camera("color")
        self._registrations: dict[tuple[int, int], Registration] = {}
        self._color_registration = Registration(source=self._colors, target=self.camera)

    # ---- frames ----

    def frame(self, index: int) -> Frame:
        """See Scene.frame. ValueError when the scan has no such frame."""
        color = np.ascontiguousarray(self._decode("color", index)[..., ::-1])
        instance = self._decode("instance-filt", index)
        covered = self._registration(instance.shape).covered
        depth = self._decode("depth", index)
        metres = np.where(covered & (depth < 65535), depth * np.float32(self._depth_scale), np.float32(0))
        return Frame(
            index=index,
            color=self._color_registration.smooth(color),
            depth=metres,
            instance=self._to_grid(instance),
            camera=self.camera,
            camera_to_world=self.poses[index],
        )

    def instance(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.instance."""
        return self._to_grid(self._decode("instance-filt", index))

    def label(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.label."""
        return self._to_grid(self._decode("label-filt", index))

    def sketches(self, object_id: int) -> dict[int, Bool[np.ndarray, "height width"]]:
        """See Scene.sketches. Files `<folder>/<object>/<view>_class_inpaint mask.png`; those of the option win."""
        masks = {}
        for folder in self._sketch_folders:
            for path in sorted((folder / str(object_id)).glob(f"*{SKETCH_SUFFIX}.png")):
                view = path.stem.removesuffix(SKETCH_SUFFIX)
                if not view.isdigit() or int(view) not in self.poses:
                    if view.isdigit() and int(view) in self.skipped:
                        log.warning("%s is left out: its frame is damaged", path)
                        continue
                    raise ValueError(f"{path}: the scan has no frame '{view}': name sketches by frame number")
                masks[int(view)] = self._read_sketch(path)
        return masks

    def _read_sketch(self, path: Path) -> np.ndarray:
        read_header(path)
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise ValueError(f"{path} cannot be read as an image: save it again as PNG")
        height, width = image.shape
        grids = {(c.width, c.height) for c in (self.camera, self._colors)}
        if all(abs(width * h - height * w) > max(w, h) for w, h in grids):
            sizes = " or ".join(f"{w}x{h}" for w, h in sorted(grids))
            raise ValueError(f"{path} is {width}x{height}: paint it on the view's image, which is {sizes}")
        mask = self._to_grid(image) > 127
        if not mask.any():
            raise ValueError(f"{path} is an empty mask: paint the hidden part white, or remove the file")
        return mask

    # ---- the scan as a whole ----

    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """See Scene.depth_sigma: a + b (z - c)^2."""
        a, b, c = self._depth_noise
        return a + b * (z - c) ** 2

    def floor_height(self) -> float | None:
        """See Scene.floor_height; from at most 60 frames spread over the scan."""
        return self._floor

    @cached_property
    def _floor(self) -> float | None:
        step = max(len(self.indices) // FLOOR_FRAMES, 1)
        height = floor_height(self.frames(self.indices[::step]), self.up)
        log.info("%s: floor at %s", self.name, "unknown height" if height is None else f"{height:.3f} m")
        return height

    def fingerprint(self) -> str:
        """See Scene.fingerprint."""
        files = [self._files[kind][i] for kind in FOLDERS for i in sorted(self._listed) if i in self._files[kind]]
        files += [*sorted((self.root / "intrinsic").glob("*.txt")), self._table]
        for folder in self._sketch_folders:
            files += sorted(folder.glob(f"*/*{SKETCH_SUFFIX}.png"))
        digest = hashlib.sha256()
        for path in files:
            status = path.stat()
            digest.update(f"{path.parent.name}/{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]

    # ---- opening ----

    def _existing(self, kind: str) -> Path:
        folder = self.root / kind
        if not folder.is_dir():
            raise ValueError(f"{folder} is missing: {self.root} must hold {', '.join(FOLDERS)} and intrinsic")
        return folder

    def _list(self, kind: str) -> dict[int, Path]:
        folder = self._existing(kind)
        return {int(p.stem): p for p in folder.iterdir() if p.suffix.lower() in FOLDERS[kind] and p.stem.isdigit()}

    def _check_frames(self, frame_skip: int) -> None:
        """Poses and sizes of all frames; damaged ones go to `skipped`. Labels of frames without images are ignored."""
        listed = sorted(set().union(*(self._files[kind] for kind in ("color", "depth", "pose"))))[::frame_skip]
        if not listed:
            raise ValueError(f"{self.root} holds no frames: color/ and depth/ need images named <number>.jpg, .png")
        self._listed, self.num_listed = frozenset(listed), len(listed)
        self.poses, self.skipped = {}, {}
        headers: dict[int, dict[str, ImageHeader]] = {}
        for index in listed:
            try:
                self.poses[index], headers[index] = self._check_frame(index)
            except ValueError as damage:
                self.skipped[index] = str(damage)
        self.check_damage()
        common = {k: Counter((h[k].width, h[k].height) for h in headers.values()) for k in IMAGES}
        self._sizes = {kind: counts.most_common(1)[0][0] for kind, counts in common.items()}
        for index, by_kind in headers.items():
            for kind, h in by_kind.items():
                if (h.width, h.height) != self._sizes[kind] and index not in self.skipped:
                    size, expected = f"{h.width}x{h.height}", "{}x{}".format(*self._sizes[kind])
                    self.skipped[index] = f"{self._files[kind][index]} is {size}, the others are {expected}"
        self.check_damage()  # before any is named: too many are one line, a few are one line each
        for index, reason in sorted(self.skipped.items()):
            self.skip(index, reason)

    def _check_frame(self, index: int) -> tuple[np.ndarray, dict[str, ImageHeader]]:
        for kind in FOLDERS:
            if index not in self._files[kind]:
                raise ValueError(f"{self.root / kind}/{index}{FOLDERS[kind][0]} is missing")
        headers = {kind: read_header(self._files[kind][index]) for kind in IMAGES}
        if (headers["depth"].bits, headers["depth"].channels) != (16, 1):
            raise ValueError(f"{self._files['depth'][index]} is no 16-bit image with one channel")
        for kind in ("instance-filt", "label-filt"):
            if headers[kind].channels != 1:
                raise ValueError(f"{self._files[kind][index]} has {headers[kind].channels} channels, ids need one")
        return read_pose(self._files["pose"][index]), headers

    def _camera(self, kind: str) -> Camera:
        check_identity(self.root / "intrinsic" / f"extrinsic_{kind}.txt")
        return read_camera(self.root / "intrinsic" / f"intrinsic_{kind}.txt", *self._sizes[kind])

    # ---- images ----

    def _decode(self, kind: str, index: int) -> UInt8[np.ndarray, "rows columns 3"] | np.ndarray:
        """One image as stored (colour as BGR). DamagedFrame when it cannot be decoded."""
        if index in self.skipped:
            raise DamagedFrame(self.skipped[index])
        if index not in self.poses:
            raise ValueError(f"{self.root} has no frame {index}: frames are {self.indices[0]} to {self.indices[-1]}")
        path = self._files[kind][index]
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION if kind == "color" else cv2.IMREAD_UNCHANGED
        try:
            data = path.read_bytes()
            if data.startswith(b"\x89PNG"):
                check_png(str(path), data)
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except (OSError, ValueError, cv2.error) as error:
            raise DamagedFrame(f"{path} cannot be read: {str(error).strip().splitlines()[0]}") from error
        if image is None or (image.shape[1], image.shape[0]) != self._sizes[kind]:
            raise DamagedFrame(f"{path} cannot be decoded")
        return image

    def _registration(self, shape: tuple[int, ...]) -> Registration:
        """From the grid of an id image to the working grid: of depth's size it is that, else it is colour's."""
        height, width = shape[:2]
        if (width, height) not in self._registrations:
            depth_grid = (width, height) == (self.camera.width, self.camera.height)
            on_depth = depth_grid and (width, height) != (self._colors.width, self._colors.height)
            source = self.camera if on_depth else resized(self._colors, width, height)
            self._registrations[width, height] = Registration(source=source, target=self.camera)
        return self._registrations[width, height]

    def _to_grid(self, ids: np.ndarray) -> np.ndarray:
        return self._registration(ids.shape).nearest(ids).astype(np.int32)
