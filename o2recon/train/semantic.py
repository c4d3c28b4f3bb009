"""Semantic consistency: the object, rendered from where no camera was, still looks like itself to CLIP."""

import logging
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.losses.semantic import SemanticLoss, SemanticTarget
from o2recon.models.clip import Clip
from o2recon.objects import reference_view, similarity_scores, square_crop
from o2recon.tensors import RenderOutput
from o2recon.train.semantic_crop import normal_colors, outline_points, pictures, projected_square, square_rays
from o2recon.train.semantic_pose import NovelPose, PoseSampler, looking_along
from o2recon.transforms import world_to_object
from o2recon.types import ObjectRecord, ObjectView
from o2recon.workspace import ObjectFolder

log = logging.getLogger(__name__)
MIN_SIZE = 16
"""Pixels a side; CLIP makes nothing of less."""


class Semantic:
    """When and how the semantic loss is taken: an optimiser step of its own after every `every`-th step from `start` on
    (a share of the steps up to 1, a step number above).

    Colour and normals are rendered by `renderer` in a square around the object, at 1 / `downscale` of the pictures'
    resolution but at most `max_size` pixels a side, in front of the grey level `background`. Rays are followed through
    the object's box, `box_inflation` times as large. `margin`: of a crop's side, shown around the object in renderings,
    in the reference and where views are scored. `prompt`: the text, in which '{category}' is replaced. `poses` makes
    the PoseSampler for the object's cameras. `required`: without weights it is an error.
    """

    def __init__(
        self,
        *,
        encoder: Clip,
        loss: SemanticLoss,
        poses: Callable[..., PoseSampler],
        renderer: Callable[..., RenderOutput],
        required: bool,
        weight: float,
        every: int,
        start: float | int,
        downscale: float,
        max_size: int,
        box_inflation: float,
        background: float,
        prompt: str,
        margin: float,
    ) -> None:
        if every < 1 or start < 0 or downscale <= 0 or max_size < MIN_SIZE:
            raise ValueError(
                f"semantic has every={every}, start={start}, downscale={downscale}, max_size={max_size}: every >= 1,"
                f" start >= 0, downscale > 0 and max_size >= {MIN_SIZE} are needed"
            )
        self.encoder, self.loss, self.poses, self.renderer = encoder, loss, poses, renderer
        self.required, self.weight, self.every, self.start = required, weight, every, start
        self.downscale, self.max_size, self.box_inflation = downscale, max_size, box_inflation
        self.background, self.prompt, self.margin = background, prompt, margin

    def obstacle(self, device: str) -> str | None:
        """Why it is off on `device`, in one line; None when it is on. ValueError when it is required and cannot run."""
        if self.required:
            if self.encoder.obstacle is not None:
                raise ValueError(f"the semantic loss cannot run: {self.encoder.obstacle}; or semantic=none")
            return None
        if self.encoder.obstacle is None and not device.startswith("cuda"):
            return "it is slow without a GPU (semantic=clip uses it all the same)"
        return self.encoder.obstacle

    def is_due(self, step: int, num_steps: int) -> bool:
        """After optimiser step `step` (counted from 0) of `num_steps`."""
        first = self.start * num_steps if self.start <= 1 else self.start
        return step + 1 >= first and (step + 1) % self.every == 0

    def of(self, folder: ObjectFolder, device: torch.device, *, share: float = 1.0) -> "NovelViews":
        """The loss of one prepared object, with `share` of its rays where memory is short.

        ValueError without weights, ImportError without transformers.
        """
        self.encoder.on(device)
        record = folder.read_record()
        text = self.prompt.format(category=record.category)
        scores = similarity_scores(folder, record, self.encoder, text=text, margin=self.margin)
        index = reference_view(record, scores)
        reference = next(v for v in record.views if v.index == index)
        log.info("semantic loss: %s, view %d and '%s'", self.encoder.identity, index, text)
        outline = outline_points(folder.read_volume(), record.frame)
        target = self._target(folder.read_view(reference), text, device)
        return NovelViews(self, record, outline, target, device, share=share)

    @torch.no_grad()
    def _target(self, view: ObjectView, text: str, device: torch.device) -> SemanticTarget:
        """What CLIP makes of the in-painted reference view, its normals and the text."""
        amodal = view.visible | view.hidden
        cued = amodal & ((view.normal**2).sum(-1) > 0.25)
        normals = normal_colors(torch.from_numpy(view.normal).float()).numpy()
        encoded = []
        for image, where in ((view.color.astype(np.float32) / 255, amodal), (normals, cued)):
            layers = np.concatenate([image, where[..., None]], -1).astype(np.float32)
            crop, inside = np.split(square_crop(layers, amodal, margin=self.margin), [3], axis=-1)
            shown = torch.from_numpy(inside * (crop - self.background) + self.background).float()
            encoded.append(self.encoder.images(shown.permute(2, 0, 1)[None].to(device))[0])
        color, normal = encoded
        return SemanticTarget(color, normal if cued.any() else None, self.encoder.texts([text])[0])


class NovelViews:
    """The semantic loss of one object, at a new place every time. `outline`: points that a picture of it must show."""

    def __init__(
        self,
        semantic: Semantic,
        record: ObjectRecord,
        outline: Float[np.ndarray, "points 3"],
        target: SemanticTarget,
        device: torch.device,
        *,
        share: float = 1.0,
    ) -> None:
        self.semantic, self.target = semantic, target
        self.is_due = semantic.is_due
        frame = record.frame
        views = [v for v in record.views if not v.held_out] or list(record.views)

        def stacked(arrays: list) -> Tensor:  # type: ignore[type-arg]
            return torch.stack([torch.as_tensor(a).float() for a in arrays]).to(device)

        centers = stacked([world_to_object(frame, v.camera_to_world[:3, 3]) for v in views])
        self.intrinsics = stacked([v.camera.intrinsics for v in views])
        self.images = stacked([[v.camera.width, v.camera.height] for v in views])
        self.box = torch.from_numpy(frame.half_extents / frame.scale * semantic.box_inflation).float().to(device)
        self.outline = torch.from_numpy(outline).float().to(device)
        self.draw = semantic.poses(centers=centers)
        sides = [
            projected_square(_at(center), camera, image, self.outline, margin=semantic.margin)[1]
            for center, camera, image in zip(centers, self.intrinsics, self.images, strict=True)
        ]
        usual = float(torch.stack(sides).median())
        side = min(usual / semantic.downscale, semantic.max_size)
        self.size = max(round(side * share**0.5), MIN_SIZE)

    def __call__(self, field: nn.Module, generator: torch.Generator) -> Float[Tensor, ""]:
        """Weighted, at a place drawn from `generator`; all of it on the device, always of the same shapes."""
        color, normal = self.render(field, self.draw(generator), generator)
        loss = self.semantic.loss(color, normal, encoder=self.semantic.encoder.images, target=self.target)
        return self.semantic.weight * loss

    def render(
        self, field: nn.Module, pose: NovelPose, generator: torch.Generator | None
    ) -> tuple[Float[Tensor, "3 size size"], Float[Tensor, "3 size size"]]:
        """Colour and normal pictures of the square around the object."""
        intrinsics = self.intrinsics.index_select(0, pose.view)[0]
        image = self.images.index_select(0, pose.view)[0]
        center, side = projected_square(pose, intrinsics, image, self.outline, margin=self.semantic.margin)
        rays = square_rays(pose, intrinsics, center, side, box=self.box, size=self.size)
        output = self.semantic.renderer(field, rays, generator=generator)
        return pictures(output, pose, size=self.size, background=self.semantic.background)


def _at(center: Float[Tensor, "3"]) -> NovelPose:
    """An upright camera there that looks at the object's centre."""
    forward = -center / center.norm()
    return NovelPose(torch.zeros(1, dtype=torch.long, device=center.device), looking_along(forward), center)
