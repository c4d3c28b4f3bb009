"""Images of ids as trackers write them, read to plain integers and carried to the working grid."""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image

from o2recon.instances.scene import LARGEST_ID
from o2recon.scene import RecordedScene, Scene
from o2recon.scene.derived import DerivedScene
from o2recon.scene.headers import check_png, read_header
from o2recon.scene.scene import DamagedFrame

PALETTE_VOID = 255
"""DAVIS and PASCAL VOC mark pixels that nobody could decide with the palette's last entry."""


def read_ids(path: Path, *, void: int | None) -> Int[np.ndarray, "rows columns"]:
    """Ids of a PNG file: grey values, indices of a palette, or of a colour image R + 256 G + 65536 B (COCO's panoptic
    format, panopticapi's rgb2id). `void` (None: 255 of palettes) becomes 0. ValueError, naming the file, when it is
    damaged or an id is larger than 65535.
    """
    try:
        read_header(path)
        check_png(str(path), path.read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as image:
                palette, values = image.mode == "P", np.asarray(_plain(image))
    except ValueError:
        raise
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path} cannot be read as a PNG image ({str(error).splitlines()[0]})") from error
    if values.ndim == 3:
        values = values[..., :3].astype(np.int64) @ [1, 256, 65536]
    values = values.astype(np.int64)
    dropped = PALETTE_VOID if void is None and palette else void
    if dropped is not None:
        values = np.where(values == dropped, 0, values)
    if values.size and values.max() > LARGEST_ID:
        raise ValueError(
            f"{path} holds the id {values.max()}, at most {LARGEST_ID} is possible: number the objects anew (a colour"
            " image is read as R + 256 G + 65536 B)"
        )
    return values.astype(np.int32)


def _plain(image: Image.Image) -> Image.Image:
    """Without transparency, and with one bit as 0 and 1."""
    if image.mode in ("LA", "La"):
        return image.getchannel(0)
    return image.convert("L") if image.mode == "1" else image


class Grid:
    """Carries images that show what the colour camera saw, of any size, to the working grid."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._recorded = scene
        while isinstance(self._recorded, DerivedScene):
            self._recorded = self._recorded.base

    def __call__(
        self, index: int, ids: Int[np.ndarray, "rows columns"], *, source: str
    ) -> Int[np.ndarray, "height width"]:
        """Nearest pixel's ids of a frame. ValueError, naming `source`, for an image of another shape."""
        camera = self._scene.camera
        if isinstance(self._recorded, RecordedScene):
            try:
                return self._recorded.carried(index, ids)
            except DamagedFrame:
                raise
            except ValueError as error:
                raise ValueError(f"{source} does not fit its frame: {error}") from error
        if ids.shape != (camera.height, camera.width):
            size = f"{camera.width}x{camera.height}"
            raise ValueError(f"{source} is {ids.shape[1]}x{ids.shape[0]}, masks of this scene must be {size}")
        return ids
