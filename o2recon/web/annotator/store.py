"""The painted sketches of one object on disk: read, saved and removed whole, and never over somebody else's change."""

import hashlib
import threading
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from o2recon.masks import painted_file, painted_sketches
from o2recon.types import Camera
from o2recon.workspace import ObjectFolder, write_image

NO_FILE = "none"


class Changed(RuntimeError):
    """The file is no longer the one that the page knows; `version` is what it has now."""

    def __init__(self, version: str) -> None:
        super().__init__("this view was saved elsewhere since the page read it")
        self.version = version


class SketchStore:
    """Sketches in the object's work folder. Safe for several threads; files appear and disappear whole."""

    def __init__(self, folder: ObjectFolder, camera: Camera) -> None:
        self._folder, self._camera, self._lock = folder, camera, threading.Lock()

    def read(self) -> dict[int, Bool[np.ndarray, "height width"]]:
        """All painted masks by view. ValueError for a file that cannot be used."""
        return painted_sketches(self._folder, self._camera)

    def path(self, view: int) -> Path:
        return painted_file(self._folder, view)

    def version(self, view: int) -> str:
        """Changes with the content of the view's file; NO_FILE without one."""
        try:
            return hashlib.sha256(self.path(view).read_bytes()).hexdigest()[:16]
        except FileNotFoundError:
            return NO_FILE

    def save(self, view: int, mask: Bool[np.ndarray, "height width"], *, expected: str | None) -> str:
        """Write the view's file and return its version.

        Changed when `expected` is not None and another version is there. ValueError for an empty mask.
        """
        if not mask.any():
            raise ValueError("nothing is painted: paint something, or remove the sketch of this view")
        with self._lock:
            self._check(view, expected)
            write_image(self.path(view), mask)
            return self.version(view)

    def remove(self, view: int, *, expected: str | None) -> None:
        """Delete the view's file, if there is one. Changed as in `save`."""
        with self._lock:
            self._check(view, expected)
            self.path(view).unlink(missing_ok=True)

    def _check(self, view: int, expected: str | None) -> None:
        now = self.version(view)
        if expected is not None and expected != now:
            raise Changed(now)
