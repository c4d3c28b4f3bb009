"""Pictures that a network made before, found again by what they were made from."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from o2recon.workspace import read_image, write_image


def content_key(*arrays: np.ndarray, **rest: str | int | float | list[int]) -> str:
    """Hash of the arrays and of everything else that decides a result."""
    digest = hashlib.sha256(json.dumps([arrays[0].shape, rest], sort_keys=True).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class PictureCache:
    """A folder of PNG files named by content; a damaged file counts as missing."""

    folder: Path

    def key(
        self,
        image: UInt8[np.ndarray, "size size 3"],
        mask: Bool[np.ndarray, "size size"],
        **rest: str | int | float,
    ) -> str:
        """Hash of the picture, the mask and everything else that decides the result."""
        return content_key(image, np.packbits(mask), **rest)

    def read(self, key: str) -> UInt8[np.ndarray, "size size 3"] | None:
        """The picture, or None."""
        file = self.folder / f"{key}.png"
        if not file.is_file():
            return None
        try:
            return np.ascontiguousarray(read_image(file))
        except ValueError:
            return None

    def write(self, key: str, picture: UInt8[np.ndarray, "size size 3"]) -> None:
        write_image(self.folder / f"{key}.png", picture)
