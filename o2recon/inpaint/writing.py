"""Files of the painted views."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import UInt8

from o2recon.inpaint.canvas import Canvas
from o2recon.workspace import ObjectFolder, write_image


def write_canvases(
    folder: ObjectFolder, canvases: Sequence[Canvas], photos: Sequence[UInt8[np.ndarray, "height width 3"]]
) -> None:
    """Full-size files of all views; outside the window the photograph, no depth, no confidence."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda canvas, photo: _write(folder, canvas, photo), canvases, photos))


def _write(folder: ObjectFolder, canvas: Canvas, photo: UInt8[np.ndarray, "height width 3"]) -> None:
    index = canvas.view.index
    write_image(folder.image("inpainted/image", index), canvas.full_image(photo))
    folder.write_depth("inpainted/depth", index, canvas.on_photo(canvas.geometry.depth))
    folder.write_normal("inpainted/normal", index, canvas.on_photo(canvas.geometry.normal))
    confidence = np.rint(canvas.confidence * 255).astype(np.uint8)
    write_image(folder.image("inpainted/confidence", index), canvas.on_photo(confidence))
    write_image(folder.image("inpainted/origin", index), canvas.on_photo(canvas.origin))
