"""Places to look at the object from that no camera was at, for the semantic loss."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class NovelPose:
    """An upright camera that looks at the object's centre, in the object frame."""

    view: Int[Tensor, "1"]
    """Number of the real view that it was drawn around."""
    rotation: Float[Tensor, "3 3"]
    """Camera (OpenCV axes) to object."""
    center: Float[Tensor, "3"]


class PoseSampler:
    """Draws cameras around the object (O2-Recon, semantic consistency).

    A real view is drawn uniformly; its direction from the object's centre gets Gaussian noise of `angle_sigma` radians
    in yaw and pitch. The distance is uniform between min(1, nearest real camera) and `far_share` x max(1, farthest
    real camera); 1 is half the box diagonal. `centers`: of the real cameras, object frame.
    """

    def __init__(self, *, centers: Float[Tensor, "views 3"], angle_sigma: float, far_share: float) -> None:
        distances = centers.norm(dim=-1)
        if len(centers) == 0 or float(distances.min()) == 0:
            raise ValueError("the semantic loss needs at least one camera, none of them at the object's centre")
        bounds = (min(1.0, float(distances.min())), far_share * max(1.0, float(distances.max())))
        self.nearest, self.farthest = min(bounds), max(bounds)
        self.angle_sigma = angle_sigma
        self.yaw = torch.atan2(centers[:, 1], centers[:, 0])
        self.pitch = torch.asin((centers[:, 2] / distances).clamp(-1, 1))

    def __call__(self, generator: torch.Generator) -> NovelPose:
        """On the device of `centers`, where `generator` must be; nothing waits for that device."""
        device = self.yaw.device
        view = torch.randint(len(self.yaw), (1,), generator=generator, device=device)
        noise = self.angle_sigma * torch.randn(2, generator=generator, device=device)
        share = torch.rand(1, generator=generator, device=device)
        yaw, pitch = self.yaw[view] + noise[:1], self.pitch[view] + noise[1:]
        outward = torch.cat([pitch.cos() * yaw.cos(), pitch.cos() * yaw.sin(), pitch.sin()])
        distance = self.nearest + share * (self.farthest - self.nearest)
        return NovelPose(view, looking_along(-outward), distance * outward)


def looking_along(forward: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """Camera-to-object rotation of an upright camera; the object frame's third axis is up."""
    x, y, _ = forward.unbind()
    level = torch.hypot(x, y)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    straight = level < 1e-6  # up or down: any right will do
    right = torch.stack([torch.where(straight, one, y), torch.where(straight, none, -x), none])
    right = right / torch.where(straight, one, level)
    return torch.stack([right, torch.linalg.cross(forward, right), forward], 1)
