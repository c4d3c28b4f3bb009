"""One value per pixel of every view, from a network or from files: what normal and depth cues are made of."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.inpaint import content_key
from o2recon.masks import Crop, crop_camera
from o2recon.models import Network
from o2recon.progress import track
from o2recon.types import Camera, ViewRecord
from o2recon.workspace import ObjectFolder, read_image, written_atomically


@dataclass(frozen=True)
class CueView:
    """A view that cues are wanted of. `photo`: file of the whole in-painted photograph; all else is of the window.

    `visible`, `hidden`: the object. `observed`: hidden pixels whose surface other frames measured. `sure`: hidden
    pixels that were in-painted with some confidence.
    """

    record: ViewRecord
    crop: Crop
    photo: Path
    visible: Bool[np.ndarray, "height width"]
    hidden: Bool[np.ndarray, "height width"]
    observed: Bool[np.ndarray, "height width"]
    sure: Bool[np.ndarray, "height width"]

    @property
    def camera(self) -> Camera:
        """The camera whose image is the window."""
        return crop_camera(self.record.camera, self.crop)

    @property
    def image(self) -> UInt8[np.ndarray, "rows columns 3"]:
        """The in-painted photograph, read anew each time."""
        return np.ascontiguousarray(read_image(self.photo))


@runtime_checkable
class Maps(Protocol):
    """`convention` says what the values mean: see axes.py for normals, inpaint/alignment.py for depth."""

    convention: str

    @property
    def name(self) -> str: ...

    def obstacle(self, folder: ObjectFolder) -> str | None:
        """Why it cannot run here for this object, with what to do about it; None when it can."""
        ...

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """What decides the result beside the config and the views."""
        ...

    def watched(self, folder: ObjectFolder) -> list[Path]:
        """Where people put the files that are read, with * in the names."""
        ...

    def __call__(
        self, views: Sequence[CueView], folder: ObjectFolder, *, device: str
    ) -> list[Float[np.ndarray, "_ _ ..."]]:
        """The windows of all views."""
        ...


class Predicted:
    """Maps of a network, which sees the whole in-painted photographs, `batch_size` at a time.

    What it made is kept beside the cues under the hash of the picture, the window and the network, and found again.
    """

    def __init__(self, *, network: Network, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"maps.batch_size is {batch_size}: at least 1 is needed")
        self.network, self.batch_size = network, batch_size
        self.convention = network.convention

    @property
    def name(self) -> str:
        return self.network.identity

    def obstacle(self, folder: ObjectFolder) -> str | None:
        """See Maps."""
        return self.network.obstacle

    def inputs(self, folder: ObjectFolder) -> dict[str, str]:
        """Nothing: the config names the network."""
        return {}

    def watched(self, folder: ObjectFolder) -> list[Path]:
        """Nothing."""
        return []

    def __call__(
        self, views: Sequence[CueView], folder: ObjectFolder, *, device: str
    ) -> list[Float[np.ndarray, "_ _ ..."]]:
        """See Maps. ValueError without weights, ImportError without the library."""
        identity = self.network.identity
        files = [folder.path / "cues" / "cache" / f"{_key(v, identity)}.npz" for v in views]
        found = [_read(file) for file in files]
        missing = [i for i, values in enumerate(found) if values is None]
        try:
            for batch in track(self._batches(views, missing), description="cues: network"):
                made = self.network([views[i].image for i in batch], device=device)
                for i, values in zip(batch, made, strict=True):
                    found[i] = _write(files[i], values[views[i].crop.window])
        finally:
            if missing:
                self.network.release()
        return [values for values in found if values is not None]

    def _batches(self, views: Sequence[CueView], missing: Sequence[int]) -> list[list[int]]:
        """Of pictures of one size."""
        size = {i: (views[i].record.camera.height, views[i].record.camera.width) for i in missing}
        groups = [[i for i in missing if size[i] == wanted] for wanted in dict.fromkeys(size.values())]
        return [g[k : k + self.batch_size] for g in groups for k in range(0, len(g), self.batch_size)]


def _key(view: CueView, identity: str) -> str:
    crop = view.crop
    return content_key(view.image, network=identity, window=[crop.top, crop.left, crop.height, crop.width])


def _read(file: Path) -> Float[np.ndarray, "height width ..."] | None:
    """None for a missing or damaged file."""
    try:
        with np.load(file) as d:
            return np.asarray(d["values"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(file: Path, values: Float[np.ndarray, "height width ..."]) -> np.ndarray:
    """Normals lose nothing that counts as float16 (0.02 degrees); relative depth stays float32."""
    kept = values.astype(np.float16 if values.ndim == 3 else np.float32)
    with written_atomically(file) as temporary, open(temporary, "wb") as opened:
        np.savez_compressed(opened, values=kept)
    return kept.astype(np.float32)
