"""A square picture around the object from a new place: its rays, and the pictures that rendering them gives."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from o2recon.data.table import box_interval
from o2recon.tensors import RayBatch, RenderOutput
from o2recon.train.semantic_pose import NovelPose
from o2recon.transforms import voxel_centers, world_to_object
from o2recon.types import ObjectFrame, Volume

NEAR = 0.05
"""Object units; points nearer to the camera plane count as this far."""
OUTLINE = 4096
BEYOND = 0.5
"""Nothing ends where a real camera's image would: the whole object is shown where that is possible."""


def projected_square(
    pose: NovelPose,
    intrinsics: Float[Tensor, "3 3"],
    image: Float[Tensor, "2"],
    points: Float[Tensor, "points 3"],
    *,
    margin: float,
) -> tuple[Float[Tensor, "2"], Float[Tensor, ""]]:
    """Centre and side (pixels) of the smallest square around points of the object frame, `margin` of its side wider all
    around. What comes too near is cut off where the image, widened by `BEYOND` of itself on every side, ends.

    `image`: width and height of the camera's image, pixels.
    """
    local = (points - pose.center) @ pose.rotation
    z = local[:, 2:].clamp(min=NEAR)
    pixels = (torch.cat([local[:, :2] / z, torch.ones_like(z)], 1) @ intrinsics.T)[:, :2]
    first, last = -BEYOND * image, (1 + BEYOND) * image
    low, high = (torch.minimum(torch.maximum(end, first), last) for end in (pixels.amin(0), pixels.amax(0)))
    return (low + high) / 2, (1 + 2 * margin) * (high - low).amax().clamp(min=1)


def square_rays(
    pose: NovelPose,
    intrinsics: Float[Tensor, "3 3"],
    center: Float[Tensor, "2"],
    side: Float[Tensor, ""],
    *,
    box: Float[Tensor, "3"],
    size: int,
) -> RayBatch:
    """Rays through the middles of `size` x `size` equal parts of a square of the image, row by row, about which nothing
    is known. Those that miss the box have no length."""
    steps = ((torch.arange(size, device=box.device) + 0.5) / size - 0.5) * side
    v, u = torch.meshgrid(center[1] + steps, center[0] + steps, indexing="ij")
    y = (v - intrinsics[1, 2]) / intrinsics[1, 1]
    x = (u - intrinsics[0, 2] - intrinsics[0, 1] * y) / intrinsics[0, 0]
    local = torch.stack([x, y, torch.ones_like(x)], -1).reshape(-1, 3)
    directions = functional.normalize(local @ pose.rotation.T, dim=-1)
    origins = pose.center.expand_as(directions)
    near, far = box_interval(origins, directions, box)
    zeros = torch.zeros_like(near)
    return RayBatch(
        origins=origins,
        directions=directions,
        near=near,
        far=torch.maximum(far, near),
        color=torch.zeros_like(directions),
        normal=torch.zeros_like(directions),
        surface_distance=zeros,
        free_distance=zeros,
        sigma=zeros,
        opacity=zeros,
        opacity_weight=zeros,
        confidence=zeros,
        view=torch.zeros_like(near, dtype=torch.long),
    )


def pictures(
    output: RenderOutput, pose: NovelPose, *, size: int, background: float
) -> tuple[Float[Tensor, "3 size size"], Float[Tensor, "3 size size"]]:
    """Colour and normal as pictures in [0, 1] on `background`, differentiable in colour, normal and opacity."""
    normal = functional.normalize(output.normal, dim=-1, eps=1e-2) @ pose.rotation
    return tuple(  # type: ignore[return-value]
        (output.opacity[:, None] * (image - background) + background).T.reshape(3, size, size)
        for image in (output.color, normal_colors(normal))
    )


def normal_colors(normal: Float[Tensor, "*shape 3"]) -> Float[Tensor, "*shape 3"]:
    """Camera-frame normals (OpenCV axes) as the usual colours: right is red, up green, towards the camera blue."""
    x, y, z = normal.unbind(-1)
    return torch.stack([0.5 + 0.5 * x, 0.5 - 0.5 * y, 0.5 - 0.5 * z], -1)


def outline_points(volume: Volume, frame: ObjectFrame) -> Float[np.ndarray, "points 3"]:
    """At most `OUTLINE` points of the object frame along the completed surface; without one the box's corners."""
    centers = voxel_centers(volume.grid)
    near = centers[np.abs(volume.sdf) < volume.grid.spacing]
    if len(near) == 0:
        near = centers[np.ix_((0, -1), (0, -1), (0, -1))].reshape(-1, 3)
    return world_to_object(frame, near[:: -(-len(near) // OUTLINE)])
