"""A scene whose object ids come from elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from o2recon.scene.derived import DerivedScene
from o2recon.scene.scene import DamagedFrame, Label, Scene
from o2recon.types import Frame

FIRST_LABEL = 1000
"""Label ids of given categories start here, beyond those of ScanNet's table that mean background."""
BACKGROUND = {
    **{"wall": 1, "floor": 2, "door": 8, "window": 9, "picture": 11, "blinds": 13, "curtain": 16, "rug": 20},
    **{"floor mat": 20, "mat": 20, "ceiling": 22, "background": 38, "other structure": 38},
}
"""NYU40 classes of names that are no objects; see objects.background_nyu40."""
LARGEST_ID = 65535

Ids = Callable[[int], Int[np.ndarray, "height width"]]


@runtime_checkable
class Source(Protocol):
    """Where a scene's object ids come from. `folder`: where what is made of the whole scene may be kept."""

    needs_depth: bool
    runs_network: bool

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene: ...


class InstanceScene(DerivedScene):
    """`base` with other object ids: `ids` gives those of a frame on the working grid, 0 = unlabelled.

    `categories` names them; an id that it does not name is an `object`. `background`: names such as wall and floor are
    no objects (else every id is one, whatever its name). `make` makes what `ids` reads, where that is made.
    """

    def __init__(
        self,
        base: Scene,
        *,
        ids: Ids,
        categories: Mapping[int, str],
        background: bool,
        identity: str,
        make: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(base, identity=identity)
        self._make = make
        self.has_instances = True
        self._ids, self.categories = ids, dict(categories)
        names = ["object", *sorted(set(self.categories.values()) - {"object"})]
        numbers = {name: FIRST_LABEL + k for k, name in enumerate(names)}
        classes = BACKGROUND if background else {}
        self.labels = {n: Label(n, name, classes.get(name.lower(), -1)) for name, n in numbers.items()}
        self._label_of = np.full(LARGEST_ID + 1, FIRST_LABEL, np.int32)
        self._label_of[0] = 0
        for object_id, name in self.categories.items():
            self._label_of[object_id] = numbers[name]

    def make(self) -> None:
        """See DerivedScene.make."""
        super().make()
        if self._make is not None:
            self._make()

    def frame(self, index: int) -> Frame:
        """See Scene.frame."""
        return replace(self.base.frame(index), instance=self.instance(index))

    def instance(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.instance."""
        if index in self.skipped:
            raise DamagedFrame(self.skipped[index])
        return self._ids(index)

    def label(self, index: int) -> Int[np.ndarray, "height width"]:
        """See Scene.label."""
        return self._label_of[self.instance(index)]
