"""From one prepared view to rays in the object frame and what each of them says about the object."""

from dataclasses import replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from o2recon.cameras import pixel_centers, project, unnormalized_rays
from o2recon.data.table import PARTS, RayTable, Role, box_interval
from o2recon.transforms import object_to_world, world_to_object
from o2recon.types import ObjectFrame, ObjectView


class RayBuilder:
    """Rays of one view with the definitions of rules.md (pixel labels, hidden masks, units).

    Lengths are metres and pixels here; the rays come out in object units, with distances along the ray.
    `sigma_*`: sensor noise sigma(z) = floor + growth (z - nearest)^2. `completed_sigma`: what is added to it where the
    depth was completed with confidence 0. `free_margin`: kept off seen-empty space besides 2 sigma. `edge_jump`: a
    depth this far from the median of its 3x3 neighbours (besides 2 sigma) mixes two surfaces and is not believed.
    `outline_silent`, `outline_width`: half-widths in pixels of the band along the object's outline where the mask
    term is silent, and of the one that counts as boundary for sampling. `box_inflation` >= 1: how much larger than the
    object's box rays are rendered. `max_rays`: of a view, chosen at random but reproducibly.
    What the original knows nothing of: `use_confidence` (else every in-painted pixel counts as a seen one),
    `completed_depth` (else depth and normals of visible pixels alone), `unknown_is_silent` (else pixels that nothing
    speaks of, and those where the object is only possible, are background).
    """

    def __init__(
        self,
        *,
        sigma_floor: float,
        sigma_growth: float,
        sigma_nearest: float,
        completed_sigma: float,
        free_margin: float,
        edge_jump: float,
        outline_silent: int,
        outline_width: int,
        box_inflation: float,
        max_rays: int,
        use_confidence: bool,
        completed_depth: bool,
        unknown_is_silent: bool,
    ) -> None:
        self.sigma_floor, self.sigma_growth, self.sigma_nearest = sigma_floor, sigma_growth, sigma_nearest
        self.completed_sigma, self.free_margin, self.edge_jump = completed_sigma, free_margin, edge_jump
        self.outline_silent, self.outline_width = outline_silent, outline_width
        self.box_inflation, self.max_rays = box_inflation, max_rays
        self.use_confidence, self.completed_depth = use_confidence, completed_depth
        self.unknown_is_silent = unknown_is_silent

    def __call__(self, view: ObjectView, frame: ObjectFrame) -> RayTable:
        """Rays of all pixels that look through the object's box and say something; one view, hence one origin."""
        box = torch.from_numpy(frame.half_extents / frame.scale * self.box_inflation).float()
        origin = torch.from_numpy(world_to_object(frame, view.camera_to_world[None, :3, 3])).float()
        if not self.unknown_is_silent:
            view = replace(view, unknown=np.zeros_like(view.unknown), possible=np.zeros_like(view.possible))
        rows, columns, rays = self._pixels(view, frame, origin, box)
        length = np.linalg.norm(rays, axis=-1)
        rotation = frame.rotation.T @ view.camera_to_world[:3, :3]
        along = (length / frame.scale).astype(np.float32)
        depth, free, sigma = (a[rows, columns] for a in self._depths(view))
        color, normal, boundary, silent = (a[rows, columns] for a in (view.color, view.normal, *self._outline(view)))
        role = _roles(view)[rows, columns]
        confidence = np.where(role == Role.VISIBLE, 1, np.where(role == Role.HIDDEN, view.confidence[rows, columns], 0))
        claim = np.where((role == Role.HIDDEN) & (confidence > 0), view.claim[rows, columns], 0)
        if not self.use_confidence:
            confidence, claim = (confidence > 0).astype(np.float32), np.zeros_like(claim)
        weight = np.where(role == Role.BACKGROUND, 1, np.maximum(confidence, claim)) * ~silent
        sigma = sigma + self.completed_sigma * (1 - confidence)
        measured = (role == Role.VISIBLE) | self.completed_depth
        return RayTable(
            view_origins=origin,
            box=box,
            view=torch.zeros(len(rows), dtype=torch.int16),
            directions=torch.from_numpy((rays / length[:, None]) @ rotation.T).float(),
            color=torch.from_numpy(np.ascontiguousarray(color)),
            normal=torch.from_numpy(normal @ rotation.T * measured[:, None]).half(),
            surface_distance=torch.from_numpy(depth * along * (confidence > 0) * measured).float(),
            free_distance=torch.from_numpy(free * along).float(),
            sigma=torch.from_numpy(sigma * along).half(),
            opacity_weight=torch.from_numpy(weight).half(),
            confidence=torch.from_numpy(confidence).half(),
            role=torch.from_numpy(role),
            boundary=torch.from_numpy(boundary),
            start=torch.zeros(len(rows), dtype=torch.uint8),
            end=torch.full((len(rows),), PARTS, dtype=torch.uint8),
        )

    def _pixels(
        self, view: ObjectView, frame: ObjectFrame, origin: torch.Tensor, box: torch.Tensor
    ) -> tuple[Int[np.ndarray, "rays"], Int[np.ndarray, "rays"], Float[np.ndarray, "rays 3"]]:
        """Rows, columns and camera-frame rays (z = 1) of the pixels that say something and look through the box."""
        window = _projected_window(view, frame, box.numpy())
        rows, columns = np.nonzero(~view.unknown[window])
        rows, columns = rows + window[0].start, columns + window[1].start
        rays = unnormalized_rays(view.camera, pixel_centers(view.camera)[rows, columns])
        directions = rays @ (frame.rotation.T @ view.camera_to_world[:3, :3]).T
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        object_rays = torch.from_numpy(directions).float()
        near, far = box_interval(origin.expand_as(object_rays), object_rays, box)
        kept = np.flatnonzero((far > near + 1e-4).numpy())
        if len(kept) > self.max_rays:
            kept = np.sort(np.random.default_rng(view.index).choice(kept, self.max_rays, replace=False))
        return rows[kept], columns[kept], rays[kept]

    def _depths(
        self, view: ObjectView
    ) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
        """z in metres of the object's surface (0: unknown), of the end of seen-empty space (0: none), and sigma."""
        surface = view.object_depth.astype(np.float32)
        sigma = self._sigma(surface)
        if view.depth_sigma is not None:
            sigma = sigma + view.depth_sigma
        mixed = view.visible & (np.abs(surface - cv2.medianBlur(surface, 3)) > self.edge_jump + 2 * sigma)
        surface = np.where(mixed, 0, surface)
        depth = view.depth.astype(np.float32)
        nearest = cv2.erode(np.where(depth > 0, depth, np.inf).astype(np.float32), np.ones((3, 3), np.uint8))
        nearest = np.where(depth > 0, nearest, 0)
        free = np.maximum(nearest - 2 * self._sigma(nearest) - self.free_margin, 0)
        return surface, np.where(view.unknown, 0, free), sigma

    def _sigma(self, z: np.ndarray) -> np.ndarray:
        return self.sigma_floor + self.sigma_growth * (z - self.sigma_nearest) ** 2

    def _outline(self, view: ObjectView) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
        """Two bands along the outline between the object (visible or hidden) and background: for sampling, silent."""
        on = (view.visible | view.hidden).astype(np.uint8)
        off = (_roles(view) == Role.BACKGROUND).astype(np.uint8) & ~view.unknown

        def band(width: int) -> np.ndarray:
            kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
            return (cv2.dilate(on, kernel) > 0) & (cv2.dilate(off, kernel) > 0)

        nothing = np.zeros(on.shape, bool)
        return band(self.outline_width), band(self.outline_silent) if self.outline_silent else nothing


def _roles(view: ObjectView) -> np.ndarray:
    role = np.full(view.visible.shape, Role.BACKGROUND, np.uint8)
    role[view.possible] = Role.POSSIBLE
    role[view.hidden] = Role.HIDDEN
    role[view.visible] = Role.VISIBLE
    return role


def _projected_window(view: ObjectView, frame: ObjectFrame, box: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the image that the box projects into; the whole image when a corner is behind the camera."""
    signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1], indexing="ij"), -1).reshape(-1, 3)
    pixels, z = project(view.camera, view.camera_to_world, object_to_world(frame, signs * box))
    size = np.array([view.camera.width, view.camera.height])
    if z.min() < 1e-3:
        return slice(0, view.camera.height), slice(0, view.camera.width)
    low = np.clip(np.floor(pixels.min(0)) - 1, 0, size).astype(int)
    high = np.clip(np.ceil(pixels.max(0)) + 1, low, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])
