"""A square piece of an image at the size a network wants, and back: exact where the network changed nothing."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8


@dataclass(frozen=True)
class Window:
    """`side` x `side` pixels of an image from (`top`, `left`) on, shown to the network as `size` x `size`.

    It may stick out of the image; what is out there repeats the image's border.
    """

    top: int
    left: int
    side: int
    size: int

    def cut(self, image: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "size size 3"]:
        """The piece at the network's size."""
        rows, columns = self._indices(image.shape[0], image.shape[1])
        return _resized(image[np.ix_(rows, columns)], self.size)

    def cut_mask(self, mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "size size"]:
        """Every network pixel that any pixel of the mask falls on; False outside the image."""
        rows, columns = (np.arange(start, start + self.side) for start in (self.top, self.left))
        inside = ((rows >= 0) & (rows < mask.shape[0]))[:, None] & ((columns >= 0) & (columns < mask.shape[1]))
        rows, columns = self._indices(*mask.shape)
        piece = np.where(inside, mask[np.ix_(rows, columns)], False).astype(np.float32)
        return _resized(piece, self.size) > 0

    def paste(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        mask: Bool[np.ndarray, "height width"],
        sent: UInt8[np.ndarray, "size size 3"],
        made: UInt8[np.ndarray, "size size 3"],
    ) -> UInt8[np.ndarray, "height width 3"]:
        """`image` with, on the mask, what the network changed between `sent` and `made`.

        The change is resized, not the picture: detail finer than the network's pixels stays, and a network that
        changes nothing returns the image exactly, at any scale. Only changes on the mask count, up to its edge.
        """
        weight = self.cut_mask(mask).astype(np.float32)
        change = weight[..., None] * (made.astype(np.float32) - sent.astype(np.float32))
        change = _resized(change, self.side) / np.maximum(_resized(weight, self.side), 1e-6)[..., None]
        height, width = image.shape[:2]
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + self.side, height), min(self.left + self.side, width)
        there = slice(top, bottom), slice(left, right)
        change = change[top - self.top : bottom - self.top, left - self.left : right - self.left]
        pasted = image.copy()
        new = np.rint(image[there] + change).clip(0, 255).astype(np.uint8)
        pasted[there] = np.where(mask[there][..., None], new, image[there])
        return pasted

    def _indices(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the piece, kept to the image."""
        rows = np.arange(self.top, self.top + self.side).clip(0, height - 1)
        return rows, np.arange(self.left, self.left + self.side).clip(0, width - 1)


def window_around(mask: Bool[np.ndarray, "height width"], *, size: int, context: float, max_zoom: float) -> Window:
    """The window of a mask that is not empty: its box, wider by `context` of its longer side all around.

    At most `max_zoom` times enlarged, and moved into the image where it fits.
    """
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    box = int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1
    side = max(int(np.ceil(box * (1 + 2 * context))), int(np.ceil(size / max_zoom)))

    def start(first: int, last: int, length: int) -> int:
        middle = (first + last + 1 - side) // 2
        return min(max(middle, 0), length - side) if side <= length else (length - side) // 2

    top = start(int(rows[0]), int(rows[-1]), mask.shape[0])
    return Window(top, start(int(columns[0]), int(columns[-1]), mask.shape[1]), side, size)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    if image.shape[0] == size:
        return np.ascontiguousarray(image)
    shrinks = image.shape[0] > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
