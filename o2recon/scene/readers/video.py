"""Frames of a video by number, decoded one after the other."""

import threading
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from o2recon.scene.headers import MAX_PIXELS
from o2recon.scene.scene import DamagedFrame

MAX_STREAMS = 3
"""Of one video, when frames are asked for out of order: each goes through it once, at worst."""


class _Stream:
    """One decoder that goes forward. `next`: the number of the frame that it gives next."""

    def __init__(self, path: Path) -> None:
        try:
            self.capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        except cv2.error as error:
            raise ValueError(f"{path} cannot be opened as a video: {str(error).splitlines()[0]}") from error
        if not self.capture.isOpened():
            raise ValueError(f"{path} is missing or no video: copy it again, or extract its frames to rgb/")
        self.capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        self.next = 0

    def read(self, number: int) -> UInt8[np.ndarray, "height width 3"] | None:
        """That frame as BGR, at or behind `next`; None when the video ends or breaks before."""
        while self.next < number:
            if not self.capture.grab():
                return None
            self.next += 1
        done, image = self.capture.read()
        self.next += 1
        return image if done else None


class Video:
    """Opens a video without decoding it; frames are exact, which seeking in a compressed stream is not.

    Frames in ascending order are decoded once; those that are asked for a little late (several threads read ahead) are
    taken by a decoder behind the first one, and going far back starts again from the first frame. No frame is kept.
    ValueError, naming the file, when it cannot be opened as a video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._streams: list[_Stream] = []
        capture = _Stream(path).capture
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size: tuple[int, int] = (width, height)
        self.count = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        """Frames that the file says it has; 0 when it does not say."""
        capture.release()
        if not 0 < width * height <= MAX_PIXELS:
            raise ValueError(f"{path} says it is {width}x{height} pixels: it is no video of a camera")

    def read(self, number: int) -> UInt8[np.ndarray, "height width 3"]:
        """A frame as RGB, as it is stored (not turned upright). DamagedFrame when the video ends or breaks before."""
        with self._lock:
            stream = self._stream(number)
            image = stream.read(number)
            if image is None:
                self._streams.remove(stream)
                reached = stream.next
        if image is None:
            raise DamagedFrame(f"{self.path}: frame {number} cannot be decoded, the video ends or breaks at {reached}")
        return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))

    def _stream(self, number: int) -> _Stream:
        """The decoder that is nearest before that frame; a new one when all are beyond it."""
        before = [stream for stream in self._streams if stream.next <= number]
        if before:
            return max(before, key=lambda stream: stream.next)
        if len(self._streams) == MAX_STREAMS:
            last = min(self._streams, key=lambda stream: stream.next)
            last.capture.release()
            self._streams.remove(last)
        self._streams.append(_Stream(self.path))
        return self._streams[-1]
