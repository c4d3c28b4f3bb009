"""ScanNet's export layout: `color depth pose intrinsic instance-filt label-filt` and a label table."""

import os
from collections import Counter
from pathlib import Path

import numpy as np

from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import Kind, file_picture
from o2recon.scene.labels import find_table, read_labels
from o2recon.scene.matrices import check_identity, read_camera, read_pose

FOLDERS = {
    "color": (".jpg", ".jpeg", ".png"),
    "depth": (".png",),
    "pose": (".txt",),
    "instance-filt": (".png",),
    "label-filt": (".png",),
}
MARKS = {
    "transforms*.json": "nerfstudio",
    "*.sens": "scannet_raw",
    "sparse": "colmap",
    "rgb.txt": "tum",
    "keyframes": "polycam",
    "odometry.csv": "stray_scanner",
    "lowres_wide.traj": "arkit_scenes",
}
"""A file or folder that tells another layout -> its name."""
KINDS: dict[str, Kind] = {"color": "color", "depth": "depth", "instance-filt": "ids", "label-filt": "ids"}


class ScanNetReader:
    """Frames are named by number, gaps allowed; colour, instance and label images may have any size.

    World +z up, metres; pixel centres at integers in the files. Damaged: frames that lack a file, whose image cannot be
    read or has another size than the others, whose pose is no rigid motion. Only every `frame_skip`-th frame is opened:
    long scans have thousands, of four images each.
    """

    def __init__(self, *, frame_skip: int = 1) -> None:
        self.frame_skip = max(frame_skip, 1)

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        if not root.is_dir():
            raise ValueError(f"{root} is no folder: set scene.root to a scan in ScanNet's export layout")
        files = {kind: _listed(root, kind) for kind in FOLDERS}
        _existing(root, "intrinsic")
        table = find_table(root)
        labels = read_labels(table)
        listed = sorted(set().union(*(files[kind] for kind in ("color", "depth", "pose"))))
        if not listed:
            raise ValueError(f"{root} holds no frames: color/ and depth/ need images named <number>.jpg, .png")
        frames, damaged = _frames(root, files, listed[:: self.frame_skip])
        shots: list[Shot] = []
        if frames:
            sizes = _common_sizes(frames, damaged)
            lens, depth_lens = (_lens(root, kind, sizes[kind]) for kind in ("color", "depth"))
            shots = [
                _shot(index, *frame, lens, depth_lens, files["pose"][index])
                for index, frame in frames.items()
                if index not in damaged
            ]
        truth = root / "groundtruth"
        return Capture(
            shots=tuple(shots),
            up=np.array([0.0, 0.0, 1.0]),
            damaged=damaged,
            labels=labels,
            thinned=self.frame_skip > 1,
            files=(*sorted((root / "intrinsic").glob("*.txt")), table),
            groundtruth=truth if truth.is_dir() else None,
        )


def _existing(root: Path, kind: str) -> Path:
    folder = root / kind
    if not folder.is_dir():
        raise ValueError(f"{folder} is missing: {root} must hold {', '.join(FOLDERS)} and intrinsic{_other(root)}")
    return folder


def _listed(root: Path, kind: str) -> dict[int, Path]:
    folder, found = _existing(root, kind), {}
    for name in os.listdir(folder):
        stem, suffix = os.path.splitext(name)
        if stem.isascii() and stem.isdigit() and suffix.lower() in FOLDERS[kind]:
            found[int(stem)] = folder / name
    return found


Found = tuple[np.ndarray, dict[str, Picture]]
"""A frame's pose and its pictures by folder."""


def _frames(
    root: Path, files: dict[str, dict[int, Path]], listed: list[int]
) -> tuple[dict[int, Found], dict[int, str]]:
    """All frames whose files can be read, and why the others cannot."""
    frames: dict[int, Found] = {}
    damaged: dict[int, str] = {}
    for index in listed:
        try:
            for kind in FOLDERS:
                if index not in files[kind]:
                    raise ValueError(f"{root / kind}/{index}{FOLDERS[kind][0]} is missing")
            pictures = {folder: file_picture(files[folder][index], kind) for folder, kind in KINDS.items()}
            frames[index] = read_pose(files["pose"][index]), pictures
        except ValueError as damage:
            damaged[index] = str(damage)
    return frames, damaged


def _common_sizes(frames: dict[int, Found], damaged: dict[int, str]) -> dict[str, tuple[int, int]]:
    """The most frequent size of each kind; frames of another one become damaged."""
    sizes = {
        kind: Counter(pictures[kind].size for _, pictures in frames.values()).most_common(1)[0][0] for kind in KINDS
    }
    for index, (_, pictures) in frames.items():
        for kind, picture in pictures.items():
            if picture.size != sizes[kind] and index not in damaged:
                size, expected = "{}x{}".format(*picture.size), "{}x{}".format(*sizes[kind])
                damaged[index] = f"{picture.source} is {size}, the others are {expected}"
    return sizes


def _lens(root: Path, kind: str, size: tuple[int, int]) -> Lens:
    check_identity(root / "intrinsic" / f"extrinsic_{kind}.txt")
    return Lens(read_camera(root / "intrinsic" / f"intrinsic_{kind}.txt", *size))


def _shot(index: int, pose: np.ndarray, pictures: dict[str, Picture], lens: Lens, depth_lens: Lens, file: Path) -> Shot:
    return Shot(
        index=index,
        camera_to_world=pose,
        lens=lens,
        color=pictures["color"],
        depth=pictures["depth"],
        depth_lens=depth_lens,
        instance=pictures["instance-filt"],
        label=pictures["label-filt"],
        files=(file,),
    )


def _other(root: Path) -> str:
    """What the folder looks like instead, for those who forgot to say so."""
    found = next((layout for file, layout in MARKS.items() if next(root.glob(file), None) is not None), None)
    return f"; it looks like scene={found}" if found else "; scene=LAYOUT reads others ('o2recon run --help')"
