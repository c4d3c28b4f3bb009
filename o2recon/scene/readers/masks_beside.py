"""Object ids for layouts that have none of their own: instance-filt/<frame>.png in the capture's folder."""

from pathlib import Path

from o2recon.scene.capture import Picture
from o2recon.scene.images import file_picture

FOLDER = "instance-filt"
"""ScanNet's name; files are named by the frame number that the reader gives, and lie on the colour image."""


def instance_beside(root: Path, index: int) -> Picture | None:
    """Ids of a frame; None where there is no such file. ValueError when it holds no ids."""
    path = root / FOLDER / f"{index}.png"
    return file_picture(path, "ids") if path.is_file() else None
