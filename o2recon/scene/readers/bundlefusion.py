"""Reader of BundleFusion's sequences: frames side by side and one calibration for all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import file_picture
from o2recon.scene.matrices import read_pose
from o2recon.scene.readers.frame_files import complete, frame_files
from o2recon.scene.readers.masks_beside import instance_beside
from o2recon.scene.readers.poses import pinhole

INFO_NAMES = ("info.txt", "_info.txt")
"""BundleFusion's own and 3RScan's name of the file."""
MILLIMETRES = 1000.0


@dataclass(frozen=True)
class Info:
    """What the calibration file says. `shift`: units of the depth images per metre."""

    path: Path
    color: Float[np.ndarray, "4 4"]
    depth: Float[np.ndarray, "4 4"]
    sizes: dict[str, tuple[int, int]]
    shift: float


class BundleFusionReader:
    """`frame-000000.{color.jpg,depth.png,pose.txt}` and `info.txt`, in one folder.

    info.txt holds `m_calibration{Color,Depth}Intrinsic` (4x4 in one line, pixel centres at integers) for images of
    `m_{color,depth}{Width,Height}`, extrinsics that must be the identity, and `m_depthShift` (units per metre; depth is
    given in millimetres, whatever it says). Poses are camera_to_world in metres, OpenCV axes; frames whose tracking was
    lost have -inf in them and are damaged. The world is that of the first camera: nothing says which way is up.

    Sources: graphics.stanford.edu/projects/bundlefusion and the loaders of 3RScan (RIO), which took the layout over.
    """

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        info = read_info(root)
        shots, damaged = [], {}
        for number, parts in frame_files(root).items():
            try:
                shots.append(_shot(number, info, *complete(root, number, parts)))
            except ValueError as damage:
                damaged[number] = str(damage)
        if not shots and not damaged:
            raise ValueError(f"{root} holds no frame-000000.color.jpg: set scene.root to a BundleFusion sequence")
        return Capture(tuple(shots), None, damaged, files=(info.path,))


def read_info(root: Path) -> Info:
    """The calibration of a sequence. ValueError, naming the file, when it is missing, incomplete or not registered."""
    path = next((root / name for name in INFO_NAMES if (root / name).is_file()), root / INFO_NAMES[0])
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): copy it from the sequence") from error
    entries = {key.strip(): value.split() for key, _, value in (line.partition("=") for line in lines) if value}
    for kind in ("Color", "Depth"):
        moved = _numbers(path, entries, f"m_calibration{kind}Extrinsic", 16, np.eye(4).ravel())
        if not np.allclose(moved.reshape(4, 4), np.eye(4), atol=1e-4):
            raise ValueError(
                f"{path}: m_calibration{kind}Extrinsic is not the identity: register depth to colour before"
            )
    sizes = {}
    for kind in ("color", "depth"):
        width, height = (_numbers(path, entries, f"m_{kind}{side}", 1)[0] for side in ("Width", "Height"))
        if not (1 <= width < 1 << 16 and 1 <= height < 1 << 16):
            raise ValueError(f"{path} says that {kind} is {width:g}x{height:g}: give the size of the images")
        sizes[kind] = (int(width), int(height))
    shift = float(_numbers(path, entries, "m_depthShift", 1, np.array([MILLIMETRES]))[0])
    if not 0 < shift < 1e9:
        raise ValueError(f"{path}: m_depthShift is {shift:g}; it must be the units of depth per metre, usually 1000")
    color, depth = (_numbers(path, entries, f"m_calibration{kind}Intrinsic", 16) for kind in ("Color", "Depth"))
    return Info(path, color.reshape(4, 4), depth.reshape(4, 4), sizes, shift)


def _numbers(
    path: Path, entries: dict[str, list[str]], key: str, count: int, default: np.ndarray | None = None
) -> Float[np.ndarray, "count"]:
    if key not in entries and default is not None:
        return default
    try:
        values = np.array(entries[key], float)
    except KeyError as error:
        raise ValueError(f"{path} does not say {key}: a BundleFusion sequence has it") from error
    except ValueError as error:
        raise ValueError(f"{path}: {key} holds something else than numbers") from error
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"{path}: {key} must hold {count} finite numbers, it has {len(values)}")
    return values


def _shot(number: int, info: Info, color: Path, depth: Path, pose: Path) -> Shot:
    pictures = {"color": file_picture(color, "color"), "depth": file_picture(depth, "depth")}
    lenses = {}
    for kind, matrix in (("color", info.color), ("depth", info.depth)):
        k = matrix[:2]
        # where images were scaled afterwards, the file still speaks of the size it names
        scale = np.array(pictures[kind].size) / info.sizes[kind]
        focal, principal = k[[0, 1], [0, 1]] * scale, (k[:, 2] + 0.5) * scale
        lenses[kind] = Lens(pinhole(tuple(focal), tuple(principal), pictures[kind].size, f"{info.path}: {kind}"))
    return Shot(
        index=number,
        camera_to_world=read_pose(pose),
        lens=lenses["color"],
        color=pictures["color"],
        depth=_in_millimetres(pictures["depth"], info.shift),
        depth_lens=lenses["depth"],
        instance=instance_beside(info.path.parent, number),
        files=(pose,),
    )


def _in_millimetres(picture: Picture, shift: float) -> Picture:
    if shift == MILLIMETRES:
        return picture

    def read() -> Shaped[np.ndarray, "rows columns"]:
        depth = picture.read()
        return np.where(depth < 65535, depth, 0).astype(np.float32) * np.float32(MILLIMETRES / shift)

    return Picture(picture.source, picture.size, f"{picture.stamp} {shift!r}", read)
