"""Reader of Stray Scanner's folders: a video, LiDAR depth and ARKit's poses."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture, file_stamp
from o2recon.scene.readers.confidence import checked_level, confident_depth, masked
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.npy import npy_picture
from o2recon.scene.readers.poses import Y_UP, pinhole, posed
from o2recon.scene.readers.video import Video

OLD_COLUMNS = ("x", "y", "z", "qx", "qy", "qz", "qw")
MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class Row:
    """One frame of odometry.csv. `lens`: fx fy cx cy of that frame, where the file has them."""

    frame: int
    pose: Float[np.ndarray, "4 4"]
    lens: tuple[float, float, float, float] | None


class StrayScannerReader:
    """`rgb.mp4`, `depth/000000.png` (older: .npy), `confidence/000000.png`, `odometry.csv` and `camera_matrix.csv`.

    odometry.csv has `timestamp, frame, x, y, z, qx, qy, qz, qw` and in newer versions `fx, fy, cx, cy` of each frame,
    which win over camera_matrix.csv; older ones have the pose alone. Poses are camera_to_world with OpenCV's camera
    axes in ARKit's world: metres, +y up. Intrinsics belong to the video, pixel coordinates count from the image's
    corner. Depth is in millimetres, smaller than the video and on the same camera; where confidence (0 low, 1 medium,
    2 high) is below `min_confidence` it is dropped.

    Frames of the video are decoded in order: going back starts from the beginning. When `rgb/` holds the extracted
    frames (`000000.png` or `.jpg`), they are read instead, which is faster where few views are used.

    Sources: github.com/kekeblom/StrayVisualizer (README.md, stray_visualize.py) and the app's data model page.
    """

    def __init__(self, *, min_confidence: int) -> None:
        self._least = checked_level(min_confidence)

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        rows, damaged = read_odometry(root / "odometry.csv")
        matrix = root / "camera_matrix.csv"
        k = read_camera_matrix(matrix) if matrix.is_file() or any(row.lens is None for row in rows) else None
        video = None if (root / "rgb").is_dir() else Video(root / "rgb.mp4")
        shots = []
        for row in rows:
            try:
                color = _color(root, row.frame, video)
                fx, fy, cx, cy = row.lens or (k[0, 0], k[1, 1], k[0, 2], k[1, 2])  # type: ignore[index]
                lens = Lens(pinhole((fx, fy), (cx, cy), color.size, f"{root}/odometry.csv, camera_matrix.csv"))
                depth = self._depth(root, row.frame)
                shots.append(Shot(row.frame, row.pose, lens, color, depth, instance=instance_beside(root, row.frame)))
            except ValueError as damage:
                damaged[row.frame] = str(damage)
        return Capture(tuple(shots), Y_UP, damaged, files=(root / "odometry.csv", *([matrix] if k is not None else [])))

    def _depth(self, root: Path, frame: int) -> Picture:
        confidence = root / "confidence" / f"{frame:06d}.png"
        array = root / "depth" / f"{frame:06d}.npy"
        if not array.is_file():
            return confident_depth(array.with_suffix(".png"), confidence, self._least)
        picture = npy_picture(array)
        if self._least == 0 or not confidence.is_file():
            return picture
        sure = file_picture(confidence, "ids")
        return Picture(
            picture.source,
            picture.size,
            f"{picture.stamp} {sure.stamp} {self._least}",
            lambda: masked(picture.read(), sure.read() >= self._least, picture.source),
        )


def read_odometry(path: Path) -> tuple[list[Row], dict[int, str]]:
    """Rows by frame, and frames whose line holds no pose. ValueError when the file is missing or no such table."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path} has more than {MAX_BYTES >> 20} MB: it is no odometry of one scan")
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}): set scene.root to a Stray Scanner folder"
        ) from error
    names = [word.strip().lower() for word in (lines[0] if lines else "").split(",")]
    columns = {name: names.index(name) for name in (*OLD_COLUMNS, "frame", "fx", "fy", "cx", "cy") if name in names}
    if any(name not in columns for name in OLD_COLUMNS):
        raise ValueError(f"{path} must begin with a line that names x, y, z, qx, qy, qz and qw")
    rows: dict[int, Row] = {}
    damaged: dict[int, str] = {}
    for number, line in enumerate(line for line in lines[1:] if line.strip()):
        words = [word.strip() for word in line.split(",")]
        try:
            frame = int(words[columns["frame"]]) if "frame" in columns else number
        except (ValueError, IndexError):
            frame = number
        frame = frame if 0 <= frame < 10**6 else number
        try:
            rows[frame] = _row(frame, words, columns, path)
        except (ValueError, IndexError) as error:
            damaged[frame] = str(error) if str(path) in str(error) else f"{path}: frame {frame} holds no pose"
    if not rows:
        raise ValueError(f"{path} holds no pose: record the scan again")
    return [rows[frame] for frame in sorted(rows)], {f: why for f, why in damaged.items() if f not in rows}


def _row(frame: int, words: list[str], columns: dict[str, int], path: Path) -> Row:
    x, y, z, qx, qy, qz, qw = (float(words[columns[name]]) for name in OLD_COLUMNS)
    pose = posed((x, y, z), (qx, qy, qz, qw), f"{path}: frame {frame}")
    if any(name not in columns or not words[columns[name]] for name in ("fx", "fy", "cx", "cy")):
        return Row(frame, pose, None)
    fx, fy, cx, cy = (float(words[columns[name]]) for name in ("fx", "fy", "cx", "cy"))
    return Row(frame, pose, (fx, fy, cx, cy))


def read_camera_matrix(path: Path) -> Float[np.ndarray, "3 3"]:
    """3x3, its numbers separated by commas. ValueError, naming the file, when it is none."""
    try:
        words = path.read_text(errors="replace").replace(",", " ").split()[:16]
        values = np.array(words, float)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ValueError(f"{path} is no 3x3 matrix of numbers") from error
    if values.size != 9 or not np.isfinite(values).all():
        raise ValueError(f"{path} is no 3x3 matrix of finite numbers")
    return values.reshape(3, 3)


def _color(root: Path, frame: int, video: Video | None) -> Picture:
    if video is None:
        names = [root / "rgb" / f"{frame:06d}{suffix}" for suffix in (".png", ".jpg", ".jpeg")]
        return file_picture(next((path for path in names if path.is_file()), names[0]), "color")
    if 0 < video.count <= frame:
        raise ValueError(f"{video.path} has {video.count} frames, frame {frame} is beyond them")
    source = f"{video.path}, frame {frame}"
    return Picture(source, video.size, file_stamp(video.path), partial(video.read, frame))
