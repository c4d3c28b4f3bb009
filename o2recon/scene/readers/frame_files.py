"""Folders with the files of one frame side by side: frame-000000.color.png, .depth.png, .pose.txt."""

import re
from pathlib import Path

NAME = re.compile(r"frame-(\d{1,9})\.(color|depth|pose)\.(png|jpg|jpeg|txt)")
PARTS = {"color": "png", "depth": "png", "pose": "txt"}


def frame_files(folder: Path) -> dict[int, dict[str, Path]]:
    """Files by frame number and part (color, depth, pose); frames need not have all of them."""
    frames: dict[int, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if match is not None:
            frames.setdefault(int(match[1]), {})[match[2]] = path
    return dict(sorted(frames.items()))


def complete(folder: Path, number: int, files: dict[str, Path]) -> tuple[Path, Path, Path]:
    """Colour, depth and pose of a frame. ValueError, naming the file, when one is missing."""
    for part, suffix in PARTS.items():
        if part not in files:
            raise ValueError(f"{folder}/frame-{number:06d}.{part}.{suffix} is missing")
    return files["color"], files["depth"], files["pose"]
