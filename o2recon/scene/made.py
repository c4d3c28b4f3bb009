"""Images that are made of a whole scene once, one per frame, and kept on disk by content."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any

import cv2
import numpy as np
from jaxtyping import Shaped

from o2recon.files import write_json
from o2recon.manifest import fingerprint, package_version

log = logging.getLogger(__name__)
NOTES = "notes.json"

Write = Callable[[int, Shaped[np.ndarray, "height width"]], None]
"""Takes one frame's image: uint8 or uint16."""


class MadeImages:
    """The folder `<folder>/<hash>` with one PNG per frame and `notes.json`, made when first asked for.

    The hash is that of `content`, which decides everything in the folder, and of the package's version. `make` is given
    a function that takes image after image, and returns the notes; a folder that is there is complete. Two processes
    that make the same at once do it twice, and the first one's stays.
    """

    def __init__(self, folder: Path, *, content: Any, make: Callable[[Write], dict[str, Any]]) -> None:
        self.identity = fingerprint([package_version(), content])
        self.folder = folder / self.identity
        self._make = make
        self._is_made = False
        self._notes: dict[str, Any] | None = None
        self._lock = RLock()  # frames are read by several threads

    def read(self, index: int) -> Shaped[np.ndarray, "height width"] | None:
        """The image of one frame; None where none was made. ValueError when it is damaged."""
        file = self._made() / f"{index}.png"
        if not file.is_file():
            return None
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise ValueError(f"{file} is damaged: delete the folder {self.folder}, it is made again")
        return image

    def notes(self) -> dict[str, Any]:
        """What was written down when the images were made."""
        if self._notes is None:
            self._notes = dict(json.loads((self._made() / NOTES).read_text()))
        return self._notes

    def make(self) -> None:
        """Make them now, unless they are there."""
        self._made()

    def _made(self) -> Path:
        if not self._is_made:
            with self._lock:
                self._is_made = (self.folder / NOTES).is_file() or self._run()
        return self.folder

    def _run(self) -> bool:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{self.identity}-", dir=self.folder.parent))
        try:
            notes = self._make(lambda index, image: _write(temporary / f"{index}.png", image))
            write_json(temporary / NOTES, notes)
            os.chmod(temporary, 0o755)
            try:
                os.replace(temporary, self.folder)
            except OSError:
                if not (self.folder / NOTES).is_file():
                    raise
                log.info("%s was made by another process meanwhile", self.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return True


def _write(file: Path, image: np.ndarray) -> None:
    assert image.dtype in (np.uint8, np.uint16), image.dtype
    ok, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert ok, file
    file.write_bytes(data.tobytes())
