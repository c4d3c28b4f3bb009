"""Poses by time, and what they are in between."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp


@dataclass(frozen=True)
class Trajectory:
    """Two poses or more by time, seconds, ascending without repetition.

    `poses`: position and unit quaternion (real part last) of camera_to_world.
    """

    times: Float[np.ndarray, "poses"]
    poses: Float[np.ndarray, "poses 7"]

    def at(self, times: Float[np.ndarray, "times"], tolerance: float) -> Float[np.ndarray, "times 4 4"]:
        """camera_to_world: interpolated between neighbours at most 2 `tolerance` apart, else the nearest pose.

        nan where the nearest is farther than `tolerance`.
        """
        after = np.clip(np.searchsorted(self.times, times), 1, len(self.times) - 1)
        before = after - 1
        near = np.where(times - self.times[before] <= self.times[after] - times, before, after)
        between = (times >= self.times[0]) & (times <= self.times[-1])
        dense = between & (self.times[after] - self.times[before] <= 2 * tolerance)
        at = np.where(dense, times, self.times[near])
        share = ((at - self.times[before]) / (self.times[after] - self.times[before]))[:, None]
        poses = np.tile(np.eye(4), (len(times), 1, 1))
        poses[:, :3, :3] = Slerp(self.times, Rotation.from_quat(self.poses[:, 3:]))(at).as_matrix()
        poses[:, :3, 3] = (1 - share) * self.poses[before, :3] + share * self.poses[after, :3]
        poses[np.abs(self.times[near] - times) > tolerance] = np.nan
        return poses
