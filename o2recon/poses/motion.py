"""Small rigid motions of the world that correct a pose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class Motion:
    """x -> R (x - center) + center + shift, with R from the rotation vector `turn` (radians); world metres."""

    turn: Float[np.ndarray, "3"]
    shift: Float[np.ndarray, "3"]
    center: Float[np.ndarray, "3"]

    def __call__(self, camera_to_world: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
        """The pose moved along."""
        rotation = Rotation.from_rotvec(self.turn).as_matrix()
        pose = np.eye(4)
        pose[:3, :3] = rotation @ camera_to_world[:3, :3]
        pose[:3, 3] = rotation @ (camera_to_world[:3, 3] - self.center) + self.center + self.shift
        return pose

    def then(self, turn: Float[np.ndarray, "3"], shift: Float[np.ndarray, "3"]) -> "Motion":
        """This one followed by another about the same centre."""
        second = Rotation.from_rotvec(turn)
        both = (second * Rotation.from_rotvec(self.turn)).as_rotvec()
        return Motion(both, second.apply(self.shift) + shift, self.center)

    @property
    def degrees(self) -> float:
        return round(float(np.degrees(np.linalg.norm(self.turn))), 4)

    @property
    def cm(self) -> float:
        """At the centre."""
        return round(float(100 * np.linalg.norm(self.shift)), 4)


def between(motions: Mapping[int, Motion], indices: Iterable[int]) -> dict[int, Motion]:
    """Motions of all frames: between those that are known linearly in the frame number, beyond them that of the
    nearest."""
    known = sorted(motions)
    values = np.array([[*motions[i].turn, *motions[i].shift] for i in known])
    center = motions[known[0]].center
    wanted = list(indices)
    filled = np.stack([np.interp(wanted, known, values[:, k]) for k in range(6)], 1)
    return {i: Motion(v[:3], v[3:], center) for i, v in zip(wanted, filled, strict=True)}
