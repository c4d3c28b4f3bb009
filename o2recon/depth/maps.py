"""Relative depth of every frame, predicted once and kept on disk by content."""

import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.files import written_atomically
from o2recon.manifest import fingerprint
from o2recon.models import Network
from o2recon.progress import track
from o2recon.scene.scene import Scene

KEPT = 24
"""Maps in memory: neighbours of one frame and of the next."""


class RelativeDepth:
    """Maps of all frames in `folder`, in a folder for this scan and network, 16 bits between their least and largest
    value."""

    def __init__(self, scene: Scene, network: Network, folder: Path) -> None:
        self._scene, self._network = scene, network
        self._folder = folder / f"network-{fingerprint([scene.fingerprint(), network.identity])}"
        self.read = lru_cache(maxsize=KEPT)(self._read)

    def predict(self, *, batch_size: int, device: str) -> None:
        """Make what is missing. ValueError when the network cannot run here; damaged frames are skipped."""
        missing = [i for i in self._scene.indices if not self._file(i).is_file()]
        if not missing:
            return
        if self._network.obstacle is not None:
            raise ValueError(f"depth=network: {self._network.obstacle}")
        frames = track(
            self._scene.each(lambda i: self._scene.frame(i).color, missing),
            description="depth: network",
            total=len(missing),
        )
        waiting: list[tuple[int, np.ndarray]] = []
        try:
            for item in frames:
                waiting.append(item)
                if len(waiting) == batch_size:
                    self._run(waiting, device)
                    waiting = []
            self._run(waiting, device)
        finally:
            self._network.release()

    def _run(self, batch: Sequence[tuple[int, np.ndarray]], device: str) -> None:
        if not batch:
            return
        made = self._network([image for _, image in batch], device=device)
        for (index, _), values in zip(batch, made, strict=True):
            finite = np.nan_to_num(values.astype(np.float32))
            low, high = float(finite.min()), float(finite.max())
            levels = np.rint((finite - low) / max(high - low, 1e-12) * 65535).astype(np.uint16)
            with written_atomically(self._file(index)) as temporary, open(temporary, "wb") as opened:
                np.savez_compressed(opened, levels=levels, low=low, high=high)

    def _file(self, index: int) -> Path:
        return self._folder / f"{index}.npz"

    def _read(self, index: int) -> Float[np.ndarray, "height width"]:
        try:
            with np.load(self._file(index)) as d:
                return (d["levels"] * np.float32((d["high"] - d["low"]) / 65535) + np.float32(d["low"])).astype(
                    np.float32
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{self._file(index)} is damaged: delete the folder, it is made again") from error
