"""Reader of ScanNet++ scenes: the iPhone's RGB-D video, or the DSLR's fisheye images."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.readers.colmap import fitted
from o2recon.scene.readers.colmap_model import ColmapModel, read_model
from o2recon.scene.readers.depth_bin import DepthBin
from o2recon.scene.readers.json_files import read_json
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.naming import check_shots, frame_numbers, inside, truth_beside
from o2recon.scene.readers.poses import Z_UP, pinhole, rigid
from o2recon.scene.readers.transforms_json import read_transforms
from o2recon.scene.readers.video import Video

DEVICES, POSES = ("iphone", "dslr"), ("aligned", "colmap")
TABLE = "pose_intrinsic_imu.json"
VIDEOS = ("rgb.mp4", "rgb.mkv")
FRAME = re.compile(r"frame_(\d{1,9})")
MAX_BYTES = 1 << 28
"""Of the table of poses: 1.5 kB a frame."""


class ScanNetPPReader:
    """A scene's folder (`data/<scene id>`), of which one `device` is read; poses in metres, +z up, the mesh's world.

    iphone: `iphone/rgb/frame_000000.jpg` or the video `rgb.mp4` / `rgb.mkv` itself, `depth/frame_000000.png`
    (millimetres) or `depth.bin`. `poses`: `aligned` takes `aligned_pose` (camera_to_world, OpenCV's axes) and
    `intrinsic` of each frame from pose_intrinsic_imu.json, which ARKit measured; `colmap` takes iphone/colmap, which is
    more exact, knows the lens's distortion and holds a part of the frames. Depth lies on the colour camera.

    dslr: `dslr/resized_images/` with dslr/colmap (OPENCV_FISHEYE), whose unit is the metre, unlike that of
    dslr/nerfstudio/transforms.json; images that this file calls bad (blurred) are left out. Depth as the toolkit's
    common/render.py renders it (`render_depth/<name>.png`, millimetres), where it is there.

    Ids as instance-filt/<frame>.png in the scene's folder, on the colour image. Sources, all of
    github.com/scannetpp/scannetpp: common/scene_release.py, iphone/prepare_iphone_data.py, iphone/arkit_pcl.py,
    dslr/undistort.py, README.md and issue 160.
    """

    def __init__(self, *, device: str, poses: str) -> None:
        for name, value, choices in (("device", device, DEVICES), ("poses", poses, POSES)):
            if value not in choices:
                raise ValueError(f"scene.reader.{name} is {value}; it may be {' or '.join(choices)}")
        self._device, self._poses = device, poses

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        folder = root / self._device
        if not folder.is_dir():
            raise ValueError(f"{folder} is missing: set scene.root to a scene of ScanNet++, or scene.reader.device")
        if self._device == "iphone" and self._poses == "aligned":
            return self._aligned(root, folder)
        return self._colmap(root, folder)

    def _aligned(self, root: Path, folder: Path) -> Capture:
        phone, table = _Phone(folder), _table(folder / TABLE)
        shots, damaged = [], {}
        for number in phone.listed if phone.listed is not None else sorted(table):
            source = f"{folder / TABLE}, frame {number}"
            try:
                k = _matrix(table.get(number), "intrinsic", 3, source)
                pose = rigid(_matrix(table.get(number), "aligned_pose", 4, source), source)
                color = phone.color(number)
                lens = Lens(pinhole((k[0, 0], k[1, 1]), (k[0, 2], k[1, 2]), color.size, source))
                ids = instance_beside(root, number)
                shots.append(Shot(number, pose, lens, color, phone.depth(number), instance=ids))
            except ValueError as damage:
                damaged[number] = str(damage)
        return self._capture(root, folder, shots, damaged, (folder / TABLE, *phone.files))

    def _colmap(self, root: Path, folder: Path) -> Capture:
        model = read_model(folder / "colmap")
        source: _Phone | _Camera = _Phone(folder) if self._device == "iphone" else _Camera(folder, model)
        shots, damaged = [], {}
        for image in model.images:
            number = source.number(image.name)
            if number is None:
                continue
            try:
                color = source.color(number)
                lens = fitted(model.lenses[image.camera], color.size, color.source)
                ids = instance_beside(root, number)
                shots.append(Shot(number, image.camera_to_world(), lens, color, source.depth(number), instance=ids))
            except ValueError as damage:
                damaged[number] = str(damage)
        return self._capture(root, folder, shots, damaged, (*model.files, *source.files), model)

    def _capture(
        self,
        root: Path,
        folder: Path,
        shots: list[Shot],
        damaged: dict[int, str],
        files: tuple[Path, ...],
        model: ColmapModel | None = None,
    ) -> Capture:
        capture = Capture(
            shots=tuple(sorted(shots, key=lambda shot: shot.index)),
            up=Z_UP,
            damaged=damaged,
            points=None if model is None else model.reliable_points(max_error=2.0, min_track=3),
            files=files,
            groundtruth=truth_beside(root),
        )
        return check_shots(capture, root, f"images must lie in {folder}")


class _Phone:
    """Pictures of `iphone/` by frame number, extracted or still in the video and in depth.bin.

    `listed`: the extracted images; None for a video, whose frames the tables list. `files`: those that hold many.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        extracted, videos = folder / "rgb", [folder / name for name in VIDEOS if (folder / name).is_file()]
        self.listed, self._video = None, None
        if extracted.is_dir():
            found = {self.number(path.name): path for path in sorted(extracted.iterdir())}
            self._images = {number: path for number, path in found.items() if number is not None}
            self.listed = tuple(sorted(self._images))
        elif videos:
            self._video = Video(videos[0])
        else:
            raise ValueError(f"{folder} holds neither rgb/ nor {' nor '.join(VIDEOS)}: download the video")
        binary = folder / "depth.bin"
        self._depths = DepthBin(binary) if binary.is_file() and not (folder / "depth").is_dir() else None
        self.files = (*videos[:1], *([binary] if self._depths is not None else []))

    def number(self, name: str) -> int | None:
        """Frame number of `.../frame_000012.jpg`; None for other names."""
        match = FRAME.fullmatch(PurePosixPath(name).stem)
        return None if match is None else int(match[1])

    def color(self, number: int) -> Picture:
        """ValueError when the frame is missing."""
        if self._video is None:
            if number not in self._images:
                raise ValueError(f"{self._folder}/rgb/frame_{number:06d}.jpg is missing")
            return file_picture(self._images[number], "color")
        if 0 < self._video.count <= number:
            raise ValueError(f"{self._video.path} has {self._video.count} frames, {number} is beyond them")
        source = f"{self._video.path}, frame {number}"
        return Picture(source, self._video.size, source, partial(self._video.read, number))

    def depth(self, number: int) -> Picture | None:
        """None where the scene has no depth at all. ValueError when the frame's is missing."""
        if (self._folder / "depth").is_dir():
            return file_picture(self._folder / "depth" / f"frame_{number:06d}.png", "depth")
        if self._depths is None:
            return None
        source = f"{self._depths.path}, frame {number}"
        if self._depths.count is not None and number >= self._depths.count:
            raise ValueError(f"{source} is missing: it has {self._depths.count} frames")
        return Picture(source, self._depths.size, source, partial(self._depths.read, number))


class _Camera:
    """Pictures of `dslr/` by frame number; blurred ones, which the scene's transforms.json calls bad, have none."""

    def __init__(self, folder: Path, model: ColmapModel) -> None:
        self._folder = folder
        names = [image.name for image in model.images]
        self._numbers = dict(zip(names, frame_numbers(names), strict=True))
        self._names = {number: name for name, number in self._numbers.items()}
        table = folder / "nerfstudio" / "transforms.json"
        self.files = (table,) if table.is_file() else ()
        frames = read_transforms(table)[1] if table.is_file() else ()
        self._bad = {str(frame.get("file_path")) for frame in frames if frame.get("is_bad") is True}

    def number(self, name: str) -> int | None:
        """Frame number of an image's name; None for blurred ones."""
        return None if name in self._bad else self._numbers[name]

    def color(self, number: int) -> Picture:
        """ValueError when the image is missing."""
        name = self._names[number]
        return file_picture(inside(self._folder / "resized_images", name, f"{self._folder}/colmap"), "color")

    def depth(self, number: int) -> Picture | None:
        """What the toolkit rendered; None where it has not."""
        name = str(PurePosixPath(self._names[number]).with_suffix(".png"))
        path = inside(self._folder / "render_depth", name, f"{self._folder}/colmap")
        return file_picture(path, "depth") if path.is_file() else None


def _table(path: Path) -> dict[int, Mapping[str, Any]]:
    """Entries of pose_intrinsic_imu.json by frame number. ValueError, naming it, when it is no such file."""
    content = read_json(path, max_bytes=MAX_BYTES, remedy="download it again, or set scene.reader.poses")
    matches = {key: FRAME.fullmatch(key) for key in content} if isinstance(content, dict) else {}
    table = {int(match[1]): content[key] for key, match in matches.items() if match is not None}
    if not table or not all(isinstance(entry, dict) for entry in table.values()):
        raise ValueError(f"{path} must hold an entry frame_<number> for each frame: download it again")
    return table


def _matrix(entry: Mapping[str, Any] | None, key: str, side: int, source: str) -> Float[np.ndarray, "side side"]:
    """A square matrix, its rows nested or not. ValueError when it is missing or none."""
    try:
        values = np.array((entry or {})[key], float).ravel()
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{source} has no {key}") from error
    if values.size != side * side or not np.isfinite(values).all():
        raise ValueError(f"{source}: {key} is no {side}x{side} matrix of numbers")
    return values.reshape(side, side)
