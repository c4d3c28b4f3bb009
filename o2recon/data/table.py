"""All training rays of one object, stored compactly: about 45 bytes a ray instead of the 92 of a RayBatch."""

from dataclasses import dataclass, fields
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Float16, Int, Int16, UInt8
from torch import Tensor

from o2recon.tensors import RayBatch

PARTS = 255
"""Of the way through the box, in which `RayTable.start` and `end` count."""


class Role(IntEnum):
    """What a pixel says about the object. Unknown pixels say nothing and have no ray."""

    BACKGROUND = 0
    VISIBLE = 1
    HIDDEN = 2
    POSSIBLE = 3


@dataclass(frozen=True)
class RayTable:
    """Rays in the object frame; `batch` gives any selection of them as a RayBatch. Distances as in RayBatch."""

    view_origins: Float[Tensor, "views 3"]
    """Camera centres, object frame."""
    box: Float[Tensor, "3"]
    """Half the slightly inflated box of the object, object units: rays are rendered inside it."""
    view: Int16[Tensor, "rays"]
    """Row of `view_origins`."""
    directions: Float[Tensor, "rays 3"]
    color: UInt8[Tensor, "rays 3"]
    normal: Float16[Tensor, "rays 3"]
    surface_distance: Float[Tensor, "rays"]
    free_distance: Float[Tensor, "rays"]
    sigma: Float16[Tensor, "rays"]
    opacity_weight: Float16[Tensor, "rays"]
    confidence: Float16[Tensor, "rays"]
    role: UInt8[Tensor, "rays"]
    boundary: Bool[Tensor, "rays"]
    """Within a few pixels of the outline between object and background."""
    start: UInt8[Tensor, "rays"]
    """Where rendering begins on the way through the box, in `PARTS` of it; 0: where the ray enters."""
    end: UInt8[Tensor, "rays"]
    """Where it ends; `PARTS`: where the ray leaves the box."""

    def __len__(self) -> int:
        return self.view.shape[0]

    @property
    def num_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in (getattr(self, f.name) for f in fields(self)))

    def to(self, device: torch.device | str) -> "RayTable":
        return RayTable(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def batch(self, index: Int[Tensor, "rays"]) -> RayBatch:
        """The rays at `index`, unpacked; near and far are where they enter and leave the box, or what is
        rendered of that way."""
        view = self.view[index].long()
        origins, directions = self.view_origins[view], self.directions[index]
        near, far = box_interval(origins, directions, self.box)
        length = (far - near) / PARTS
        near, far = near + self.start[index] * length, far - (PARTS - self.end[index].int()) * length
        role = self.role[index]
        return RayBatch(
            origins=origins,
            directions=directions,
            near=near,
            far=far,
            color=self.color[index].float() / 255,
            normal=self.normal[index].float(),
            surface_distance=self.surface_distance[index],
            free_distance=self.free_distance[index],
            sigma=self.sigma[index].float(),
            opacity=((role == Role.VISIBLE) | (role == Role.HIDDEN)).float(),
            opacity_weight=self.opacity_weight[index].float(),
            confidence=self.confidence[index].float(),
            view=view,
        )

    def move_views(self, rotations: Float[Tensor, "views 3 3"], shifts: Float[Tensor, "views 3"]) -> None:
        """Turn each view about the object's centre and shift it, in place: who holds these tensors sees it."""
        self.view_origins.copy_((rotations * self.view_origins[:, None]).sum(-1) + shifts)
        for rows in torch.arange(len(self), device=self.view.device).split(1 << 18):
            turn = rotations[self.view[rows].long()]
            self.directions[rows] = (turn * self.directions[rows][:, None]).sum(-1)
            self.normal[rows] = (turn * self.normal[rows].float()[:, None]).sum(-1).to(self.normal.dtype)

    def rows(self, index: Int[Tensor, "rays"]) -> "RayTable":
        """A table of some of the rays, with the same views."""
        whole = {"view_origins", "box"}
        return RayTable(**{f.name: getattr(self, f.name)[... if f.name in whole else index] for f in fields(self)})


def concatenated(tables: list[RayTable]) -> RayTable:
    """One table of several views' tables; they share one box."""
    sizes = [t.view_origins.shape[0] for t in tables]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    parts = {f.name: [getattr(t, f.name) for t in tables] for f in fields(RayTable)}
    parts["view"] = [(v + start).to(torch.int16) for v, start in zip(parts["view"], starts, strict=True)]
    return RayTable(box=tables[0].box, **{k: torch.cat(v) for k, v in parts.items() if k != "box"})


def box_interval(
    origins: Float[Tensor, "rays 3"], directions: Float[Tensor, "rays 3"], box: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "rays"], Float[Tensor, "rays"]]:
    """Distances at which rays enter and leave the box [-box, box]; near >= 0; far <= near where they miss it."""
    tiny = torch.full_like(directions, 1e-9).copysign(directions)
    slope = torch.where(directions.abs() < 1e-9, tiny, directions)
    first, second = (-box - origins) / slope, (box - origins) / slope
    near = torch.minimum(first, second).amax(-1).clamp(min=0)
    far = torch.maximum(first, second).amin(-1)
    return near, far
