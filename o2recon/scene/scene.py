"""What every reader of a capture offers, and how damaged frames are skipped and counted."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from o2recon.scene.ahead import read_ahead
from o2recon.types import Camera, Frame

Value = TypeVar("Value")
log = logging.getLogger(__name__)


class DamagedFrame(ValueError):
    """One frame of a capture cannot be used; says which file and why."""


@dataclass(frozen=True)
class Label:
    """One row of the label table. `nyu40` is -1 where the table gives no class."""

    id: int
    raw_category: str
    nyu40: int


@runtime_checkable
class Scene(Protocol):
    """A capture of a room. World in metres, `up` a unit vector; all images on the grid of `camera` (of depth).

    `indices`, sorted, are the frames known to be usable; `skipped` says why the others are not. `poses` holds
    camera_to_world of all usable frames. `groundtruth` is a folder of true meshes where there is one.
    """

    name: str
    root: Path
    camera: Camera
    up: np.ndarray
    poses: dict[int, np.ndarray]
    labels: dict[int, Label]
    skipped: dict[int, str]
    num_listed: int
    """Frames that the capture lists, damaged ones included."""
    max_bad_share: float
    """Largest share of damaged frames that is accepted."""
    groundtruth: Path | None
    has_depth: bool = True
    """Some frame has sensor depth."""
    has_instances: bool = True
    """Some frame has a picture of instance ids."""
    points: Float[np.ndarray, "points 3"] | None = None
    """Sparse points of the capture in the world, where it has any."""
    capture_to_world: Float[np.ndarray, "4 4"] = np.eye(4)
    """From the world of the capture's own files to this one: a rotation and a scale."""

    @property
    def indices(self) -> tuple[int, ...]:
        return tuple(sorted(self.poses))

    @abstractmethod
    def frame(self, index: int) -> Frame:
        """Read one frame; nothing is kept in memory. DamagedFrame when a file of it cannot be decoded."""
        raise NotImplementedError

    @abstractmethod
    def instance(self, index: int) -> Int[np.ndarray, "height width"]:
        """Object ids of one frame alone, 0 = unlabelled; cheaper than `frame`. DamagedFrame as there."""
        raise NotImplementedError

    @abstractmethod
    def label(self, index: int) -> Int[np.ndarray, "height width"]:
        """Label ids (keys of `labels`) of one frame, 0 = unlabelled. DamagedFrame as there."""
        raise NotImplementedError

    @abstractmethod
    def sketches(self, object_id: int) -> dict[int, Bool[np.ndarray, "height width"]]:
        """Painted masks of the object's hidden part, by frame. ValueError for an empty or unreadable one."""
        raise NotImplementedError

    @abstractmethod
    def depth_sigma(self, z: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Standard deviation of sensor depth, metres, at z metres."""
        raise NotImplementedError

    @abstractmethod
    def floor_height(self) -> float | None:
        """Height of the lowest large horizontal plane along `up`, metres; None when there is none."""
        raise NotImplementedError

    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of file names, sizes and times: changes when the capture does."""
        raise NotImplementedError

    def each(self, read: Callable[[int], Value], indices: Iterable[int] | None = None) -> Iterator[tuple[int, Value]]:
        """(index, read(index)) for the given (default: all) usable frames; those that turn out damaged are skipped.

        The next ones are read ahead by other threads, a bounded number of them: `read` must bear that. Raises
        ValueError as soon as more than `max_bad_share` of the capture's frames are damaged.
        """
        usable = (i for i in (self.indices if indices is None else indices) if i not in self.skipped)
        for index, result in read_ahead(read, usable):
            if index in self.skipped:
                continue
            try:
                value = result()
            except DamagedFrame as damage:
                self.skip(index, str(damage))
                self.check_damage()
                continue
            yield index, value

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        """The frames themselves, in order and a few ahead, damaged ones skipped as in `each`."""
        return (frame for _, frame in self.each(self.frame, indices))

    def skip(self, index: int, reason: str) -> None:
        """Take a frame out of the usable ones for good."""
        log.warning("%s: frame %d is skipped: %s", self.name, index, reason)
        self.skipped[index] = reason
        self.poses.pop(index, None)

    def check_damage(self) -> None:
        """ValueError when too many frames are damaged, naming the first of them."""
        bad, total = len(self.skipped), self.num_listed
        if bad <= self.max_bad_share * total:
            return
        examples = "; ".join(self.skipped[i] for i in sorted(self.skipped)[:3])
        raise ValueError(
            f"{self.root}: {bad} of {total} frames are damaged, at most {self.max_bad_share:.0%} may be"
            f" ({examples}{'; ...' if bad > 3 else ''}): export the scan again or raise scene.max_bad_share"
        )
