"""Scans with one mistake planted: what a scene gives is changed as if its files had been misread."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from o2recon.scene import Scene
from o2recon.scene.derived import DerivedScene
from o2recon.types import Camera, Frame

OPENGL = np.diag([1.0, -1, -1, 1])
TURNED = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""Camera axes right, down, forward = the files' y, -x, z."""
CYCLED = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
MIRROR = np.diag([-1.0, 1, 1, 1])
ACROSS = np.array([[0.0, 0, 1], [0, 0, 0], [0, 0, 0]])


@dataclass(frozen=True)
class Planted:
    """`name`: what the check has to call it. `remedy`: what it has to advise, None where there is no option."""

    name: str
    pose: Callable[[np.ndarray], np.ndarray] = lambda pose: pose
    places: int = 0
    depth: Callable[[np.ndarray, Camera], np.ndarray] = lambda depth, camera: depth
    color: Callable[[np.ndarray], np.ndarray] = lambda color: color
    lens: Callable[[np.ndarray, Camera], np.ndarray] = lambda k, camera: k
    remedy: str | None = None


class MistakenScene(DerivedScene):
    """`base` with the mistake."""

    def __init__(self, base: Scene, planted: Planted) -> None:
        super().__init__(base, identity=planted.name)
        order, self._planted = list(base.indices), planted
        taken = np.clip(np.arange(len(order)) + planted.places, 0, len(order) - 1)
        self.poses = {i: planted.pose(base.poses[order[j]]) for i, j in zip(order, taken, strict=True)}
        k = planted.lens(base.camera.intrinsics.copy(), base.camera)
        self.camera = Camera(k, base.camera.width, base.camera.height)

    def frame(self, index: int) -> Frame:
        frame = self.base.frame(index)
        depth = np.zeros_like(frame.depth)
        known = frame.depth > 0
        depth[known] = self._planted.depth(frame.depth, self.base.camera)[known]
        return replace(
            frame,
            color=self._planted.color(frame.color),
            depth=depth,
            camera=self.camera,
            camera_to_world=self.poses[index],
        )


def rotation_transposed(pose: np.ndarray) -> np.ndarray:
    turned = pose.copy()
    turned[:3, :3] = pose[:3, :3].T
    return turned


def ray_lengths(camera: Camera) -> np.ndarray:
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    k = camera.intrinsics
    return np.sqrt(1 + ((u - k[0, 2]) / k[0, 0]) ** 2 + ((v - k[1, 2]) / k[1, 1]) ** 2)


def moved(share_right: float, share_down: float, size: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """Colour moved by shares of the width and enlarged about the middle."""

    def move(color: np.ndarray) -> np.ndarray:
        height, width = color.shape[:2]
        right, down = share_right * width + width / 2 * (1 - size), share_down * width + height / 2 * (1 - size)
        affine = np.array([[size, 0, right], [0, size, down]])
        return cv2.warpAffine(color, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)

    return move


def inverse_of(depth: np.ndarray) -> np.ndarray:
    return np.divide(2, depth, out=np.zeros_like(depth), where=depth > 0)


CORRECT = Planted("none")
MISTAKES = {
    "inverted": Planted("inverted_pose", pose=np.linalg.inv, remedy="scene.pose=world_to_camera"),
    "opengl": Planted("opengl_axes", pose=lambda p: p @ OPENGL, remedy="scene.axes=opengl"),
    "inverted opengl": Planted(
        "inverted_and_opengl_axes",
        pose=lambda p: np.linalg.inv(p @ OPENGL),
        remedy="scene.pose=world_to_camera scene.axes=opengl",
    ),
    "x and y swapped": Planted("swapped_axes", pose=lambda p: p @ TURNED.T, remedy="scene.axes=[y,-x,z]"),
    "axes cycled": Planted("swapped_axes", pose=lambda p: p @ CYCLED.T, remedy="scene.axes=[y,z,x]"),
    "upside down": Planted("upside_down", pose=lambda p: p @ np.diag([-1.0, -1, 1, 1])),
    "left-handed": Planted("mirrored_axes", pose=lambda p: MIRROR @ p @ MIRROR, remedy="scene.axes=[-x,y,z]"),
    "rotation transposed": Planted("transposed_rotation", pose=rotation_transposed),
    "rotation of one, translation of the other": Planted(
        "mixed_pose", pose=lambda p: rotation_transposed(np.linalg.inv(p))
    ),
    "poses of the next frame": Planted("shifted_poses", places=1),
    "poses of the frame before": Planted("shifted_poses", places=-1),
    "poses two frames on": Planted("shifted_poses", places=2),
    "centimetres": Planted("depth_scale", depth=lambda d, c: np.round(d, 2) / 10, remedy="scene.depth_scale=0.01"),
    "tenths of a millimetre": Planted("depth_scale", depth=lambda d, c: d * 10, remedy="scene.depth_scale=0.0001"),
    "metres": Planted("depth_scale", depth=lambda d, c: d / 1000, remedy="scene.depth_scale=1"),
    "scale inverted": Planted("depth_scale", depth=lambda d, c: d * 1e6, remedy="scene.depth_scale=1e-09"),
    "as TUM's": Planted("depth_scale", depth=lambda d, c: d * 5, remedy="scene.depth_scale=0.0002"),
    "poses in a unit of their own": Planted(
        "depth_scale", pose=lambda p: np.block([[p[:3, :3], p[:3, 3:] / 40], [p[3:]]]), remedy="scene.scale=40"
    ),
    "inverse depth": Planted("inverse_depth", depth=lambda d, c: inverse_of(d)),
    "distance along the ray": Planted("ray_distance", depth=lambda d, c: (d * ray_lengths(c)).astype(np.float32)),
    "intrinsics of half the size": Planted("intrinsics_of_another_size", lens=lambda k, c: np.diag([0.5, 0.5, 1]) @ k),
    "intrinsics of twice the size": Planted("intrinsics_of_another_size", lens=lambda k, c: np.diag([2, 2, 1.0]) @ k),
    "focal length": Planted("focal_length", lens=lambda k, c: k @ np.diag([0.8, 0.8, 1])),
    "principal point": Planted("principal_point", lens=lambda k, c: k + 0.12 * c.width * ACROSS),
    "inverted and centimetres": Planted(
        "inverted_pose_and_depth_scale",
        pose=np.linalg.inv,
        depth=lambda d, c: d / 10,
        remedy="scene.pose=world_to_camera scene.depth_scale=0.01",
    ),
    "colour beside depth": Planted("unregistered_color", color=moved(0.03, -0.02)),
    "colour of another size": Planted("unregistered_color", color=moved(0, 0, 1.1)),
}
