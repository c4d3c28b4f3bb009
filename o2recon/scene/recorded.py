"""A capture on disk as a Scene, whatever its layout: one pinhole camera, one world in metres with +z up."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.scene.capture import Capture, Lens, Picture, Reader, Shot
from o2recon.scene.conventions import Conventions
from o2recon.scene.floor import floor_height
from o2recon.scene.images import file_stamp
from o2recon.scene.matrices import resized, typical
from o2recon.scene.painted import SKETCH_SUFFIX, Thinned, painted_files, read_painted
from o2recon.scene.registration import Registration
from o2recon.scene.scene import DamagedFrame, Scene
from o2recon.scene.shots import beside_depth, depth_lens, drawn_on, flaw, id_lens, warn_of_turned
from o2recon.scene.sketches import sketches_of_scan
from o2recon.scene.upright import checked_up, told, up_of_cameras, up_of_surfaces, upright
from o2recon.types import Camera, Frame

FLOOR_FRAMES = 60
UP_FRAMES = 24
KEPT_PIXELS = 2**24
"""Of registrations: zooming cameras need one per frame, of some 30 bytes per pixel."""
WIDTHS = range(16, 8193)

log = logging.getLogger(__name__)


class RecordedScene(Scene):
    """What `reader` finds in `root`, all pictures of a frame carried once to the one pinhole camera of the scene.

    That camera is the depth's (without depth: the colour's; of several the most frequent one), scaled to `width` pixels
    when given. Lens distortion is taken out. Where the instance images do not reach, depth is dropped: nothing says
    what it belongs to. Frames without depth have depth 0, frames without instance images id 0 everywhere.

    `frame_skip`: use every n-th frame. `depth_scale`: metres per unit of the depth images. `depth_noise`: (a, b, c) of
    sigma(z) = a + b (z - c)^2, metres. `sketches`: a further folder of sketches beside the scene's own. `up`: in the
    capture's world; auto: what the capture says, else an estimate. `scale`: metres per unit of the poses. `pose`,
    `axes`: see Conventions; for poses that are not as the reader takes them. `color_offset`, `ids_on`: see
    `beside_depth` and `drawn_on`; for colour that is not registered. ValueError, one line naming file and remedy, for
    what cannot be read and for more than `max_bad_share` damaged frames.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        reader: Reader,
        frame_skip: int,
        max_bad_share: float,
        depth_scale: float,
        depth_noise: Sequence[float],
        sketches: str | Path | None,
        up: str | Sequence[float | int],
        scale: float,
        width: int | None,
        pose: str,
        axes: str | Sequence[str],
        color_offset: Sequence[float | int] | None,
        ids_on: str,
    ) -> None:
        _check_options(frame_skip=frame_skip, depth_scale=depth_scale, scale=scale, width=width, sketches=sketches)
        given = None if up == "auto" else checked_up(up)
        self.root = Path(root).expanduser()
        self.name = self.root.resolve().stem if self.root.is_file() else self.root.resolve().name
        self.max_bad_share, self._depth_scale, self._depth_noise = max_bad_share, depth_scale, tuple(depth_noise)
        others = [] if sketches is None else [Path(sketches).expanduser()]
        self._sketch_folders = [self.root / "sketches", *others]
        self._registrations: OrderedDict[bytes, Registration] = OrderedDict()
        capture = Conventions(pose=pose, axes=axes).applied(reader(self.root))
        capture = drawn_on(ids_on, capture if color_offset is None else beside_depth(capture, color_offset))
        self.name = self.name if capture.name is None else capture.name
        self._thinned = Thinned(frame_skip)
        self._check_frames(capture, frame_skip)
        usable = [self._shots[i] for i in self.indices]
        self.has_depth = any(s.depth is not None for s in usable)
        self.has_instances = any(s.instance is not None for s in usable)
        self.camera = typical([depth_lens(s).camera for s in usable if s.depth is not None or not self.has_depth])
        if width is not None:
            self.camera = resized(self.camera, width, max(round(self.camera.height * width / self.camera.width), 1))
        self.color_camera = usable[0].lens.camera
        warn_of_turned(usable, self.camera, self.name)
        self.labels, self._files, self._sketches = dict(capture.labels), capture.files, capture.sketches
        self._only = capture.only
        self._place(capture, given, scale)

    # ---- frames ----

    def frame(self, index: int) -> Frame:
        """See Scene.frame. ValueError when the scan has no such frame."""
        shot = self._shot(index)
        color = self._registration(shot.lens).smooth(self._pixels(index, shot.color))
        instance, covered = self._on_grid(index, shot, shot.instance)
        return Frame(
            index=index,
            color=color,
            depth=self._depth(index, shot, covered),
            instance=instance,
            camera=self.camera,
            camera_to_world=self.poses[index],
        )

    def instance(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.instance."""
        shot = self._shot(index)
        return self._on_grid(index, shot, shot.instance)[0]

    def label(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.label."""
        shot = self._shot(index)
        return self._on_grid(index, shot, shot.label)[0]

    def carried(self, index: int, ids: Int[np.ndarray, "rows columns"]) -> Int[np.ndarray, "height width"]:
        """Ids drawn on a frame's colour or depth image, of any size, on the working grid; ValueError if on neither."""
        shot, (height, width) = self._shot(index), ids.shape
        grids = {(c.width, c.height) for c in (shot.lens.camera, self.camera)}
        if all(abs(width * h - height * w) > max(w, h) for w, h in grids):
            sizes = " or ".join(f"{w}x{h}" for w, h in sorted(grids))
            raise ValueError(f"it is {width}x{height} and must show the whole frame, which is {sizes}")
        return self._registration(id_lens(shot, width, height)).nearest(ids)

    def _shot(self, index: int) -> Shot:
        if index in self.skipped:
            raise DamagedFrame(self.skipped[index])
        if index not in self.poses:
            raise ValueError(f"{self.root} has no frame {index}: frames are {self.indices[0]} to {self.indices[-1]}")
        return self._shots[index]

    def _pixels(self, index: int, picture: Picture) -> np.ndarray:
        """One image as stored. DamagedFrame when it cannot be read or is not what its header said."""
        try:
            image = picture.read()
        except OSError as error:
            raise DamagedFrame(f"{picture.source} cannot be read: {error.strerror}") from error
        if (image.shape[1], image.shape[0]) != picture.size:
            raise DamagedFrame(f"{picture.source} cannot be decoded")
        return image

    def _depth(self, index: int, shot: Shot, covered: np.ndarray) -> Float[np.ndarray, "height width"]:
        if shot.depth is None:
            return np.zeros(covered.shape, np.float32)
        carried = self._registration(depth_lens(shot)).depth(self._metres(index, shot.depth))
        return np.where(covered, carried, np.float32(0))

    def _metres(self, index: int, picture: Picture) -> Float[np.ndarray, "rows columns"]:
        """Depth on its own grid; 0 for what is not finite, below 0, or the largest value of 16 bits."""
        stored = self._pixels(index, picture)
        limit = 65535 if stored.dtype == np.uint16 else np.inf
        with np.errstate(invalid="ignore"):
            known = (stored > 0) & (stored < limit)
            return np.where(known, stored * np.float32(self._depth_scale), np.float32(0)).astype(np.float32, copy=False)

    def _on_grid(self, index: int, shot: Shot, picture: Picture | None) -> tuple[np.ndarray, np.ndarray]:
        """Ids on the working grid, and where the picture reaches; id 0 everywhere without a picture."""
        if picture is None:
            shape = (self.camera.height, self.camera.width)
            return np.zeros(shape, np.int32), np.ones(shape, bool)
        ids = self._pixels(index, picture)
        if ids.dtype.itemsize > 2 and ids.size and (ids.max() > np.iinfo(np.int32).max or ids.min() < 0):
            raise DamagedFrame(f"{picture.source} holds ids below 0 or above 2147483647")
        registration = self._registration(shot.id_lens or id_lens(shot, *picture.size))
        return registration.nearest(ids).astype(np.int32), registration.covered

    def _registration(self, lens: Lens) -> Registration:
        """From a lens to the working grid."""
        camera = lens.camera
        key = repr((camera.width, camera.height, lens.distortion, lens.fisheye)).encode() + camera.intrinsics.tobytes()
        registration = self._registrations.get(key)
        if registration is None:  # frames are read by several threads: two may make the same one
            registration = self._registrations[key] = Registration(source=lens, target=self.camera)
            if len(self._registrations) > max(KEPT_PIXELS // registration.covered.size, 4):
                self._registrations.popitem(last=False)
        return registration

    # ---- the scan as a whole ----

    def sketches(self, object_id: int) -> dict[int, Bool[np.ndarray, "height width"]]:
        """See Scene.sketches. Files `<folder>/<object>/<view>_class_inpaint mask.png`; those of the option win.

        Before these come the capture's own, and those of O2-Recon's authors (see sketches_of_scan).
        """
        given = {v: path for v, path in self._sketches.get(object_id, {}).items() if v in self.poses}
        given = given or sketches_of_scan(self._sketch_folders, self.name, object_id, self.poses)
        places, thinned = self._sketch_folders, self._thinned
        found = painted_files(places, object_id, usable=self.poses, skipped=self.skipped, thinned=thinned)
        return {view: self._read_sketch(path, self._shots[view]) for view, path in (given | found).items()}

    def _read_sketch(self, path: Path, shot: Shot) -> np.ndarray:
        image = read_painted(path, {(c.width, c.height) for c in (self.camera, shot.lens.camera)})
        mask = self._registration(id_lens(shot, image.shape[1], image.shape[0])).nearest(image) > 127
        if not mask.any():
            raise ValueError(f"{path} is an empty mask: paint the hidden part white, or remove the file")
        return mask

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
        frames = self.frames(self.indices[::step])
        height = floor_height(frames, self.up, but=self._only) if self.has_depth else None
        log.info("%s: floor at %s", self.name, "unknown height" if height is None else f"{height:.3f} m")
        return height

    def fingerprint(self) -> str:
        """See Scene.fingerprint: the files, and what was made of them."""
        made = (self.camera, self.color_camera, self._depth_scale, self.capture_to_world.tolist())
        digest = hashlib.sha256(repr(made).encode())
        for index, shot in sorted(self._shots.items()):
            pictures = (shot.color, shot.depth, shot.instance, shot.label)
            stamps = [p.stamp for p in pictures if p is not None] + [file_stamp(p) for p in shot.files]
            digest.update(f"{index} {stamps} {shot.id_lens or ''}\n".encode() + shot.camera_to_world.tobytes())
        files = [*self._files, *(path for views in self._sketches.values() for path in views.values())]
        for folder in self._sketch_folders:
            files += sorted(folder.glob(f"*/*{SKETCH_SUFFIX}.png"))
        digest.update("".join(f"{file_stamp(path)}\n" for path in files).encode())
        return digest.hexdigest()[:16]

    # ---- opening ----

    def _check_frames(self, capture: Capture, frame_skip: int) -> None:
        """Every `frame_skip`-th frame that the capture lists; damaged ones go to `skipped`."""
        shots = {shot.index: shot for shot in capture.shots}
        listed = sorted(set(shots) | set(capture.damaged))[:: 1 if capture.thinned else frame_skip]
        if not listed:
            raise ValueError(f"{self.root} holds no frames: check that scene.root and scene=<layout> fit together")
        self.num_listed, self.poses, self.skipped, self._shots = len(listed), {}, {}, {}
        for index in listed:
            reason = capture.damaged[index] if index in capture.damaged else flaw(shots[index])
            if reason is None:
                self._shots[index], self.poses[index] = shots[index], shots[index].camera_to_world
            else:
                self.skipped[index] = reason
        self.check_damage()  # before any is named: too many are one line, a few are one line each
        if not self.poses:
            raise ValueError(f"{self.root} has no usable frame ({self.skipped[listed[0]]}): export the scan again")
        for index, reason in sorted(self.skipped.items()):
            self.skip(index, reason)

    def _place(self, capture: Capture, up: np.ndarray | None, scale: float) -> None:
        """The world: +z up, metres. Poses and points of the capture go there."""
        said = capture.up if up is None else up
        rotation = upright(self._estimated_up() if said is None else np.asarray(said, float))
        self.up = np.array([0.0, 0.0, 1.0])
        self.capture_to_world = np.eye(4)
        self.capture_to_world[:3, :3] = scale * rotation
        self.points = None if capture.points is None else capture.points @ self.capture_to_world[:3, :3].T
        truth = self.root / "groundtruth"
        self.groundtruth = truth if capture.groundtruth is None and truth.is_dir() else capture.groundtruth
        if (self.capture_to_world == np.eye(4)).all():
            return
        for index, pose in self.poses.items():
            moved = np.eye(4)
            moved[:3, :3], moved[:3, 3] = rotation @ pose[:3, :3], scale * rotation @ pose[:3, 3]
            self.poses[index] = moved

    def _estimated_up(self) -> Float[np.ndarray, "3"]:
        """In the capture's world; from its cameras and at most 24 depth images spread over the scan."""
        cameras = up_of_cameras(np.stack([self.poses[i] for i in self.indices]), str(self.root))
        measured = [i for i in self.indices if self._shots[i].depth is not None]
        spread = measured[:: max(len(measured) // UP_FRAMES, 1)]
        up = up_of_surfaces(cameras, (view for _, view in self.each(self._measured, spread)))
        told(up, cameras, self.name)
        return up

    def _measured(self, index: int) -> tuple[Camera, np.ndarray, np.ndarray]:
        """Camera, pose and depth of a frame, depth as stored."""
        shot = self._shot(index)
        assert shot.depth is not None
        return depth_lens(shot).camera, shot.camera_to_world, self._metres(index, shot.depth)


def _check_options(
    *, frame_skip: int, depth_scale: float, scale: float, width: int | None, sketches: str | Path | None
) -> None:
    if frame_skip < 1:
        raise ValueError(f"scene.frame_skip is {frame_skip}; it must be at least 1: 1 uses every frame")
    for name, value in (("depth_scale", depth_scale), ("scale", scale)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"scene.{name} is {value}; it must be above 0: it says how many metres one unit is")
    if width is not None and width not in WIDTHS:
        raise ValueError(f"scene.width is {width}; it must be null or a whole number from 16 to 8192 (pixels)")
    if sketches is not None and not Path(sketches).expanduser().is_dir():
        raise ValueError(f"{sketches} is no folder: set scene.sketches to a folder of <object>/ folders, or null")
