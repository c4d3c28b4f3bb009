"""How good a mesh is where nobody knows the truth: its evidence, and how it explains views it was not made from."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Bool, Float, Int

from o2recon.evaluate.images import ImageAgreement, vertex_color_image
from o2recon.mesh.color import stored_colors
from o2recon.mesh.raycast import Caster
from o2recon.types import ObjectView

GRADES = ("good", "fair", "poor")


@dataclass(frozen=True)
class HeldOut:
    """What views kept apart say. None where no such view says anything."""

    held_out_depth_residual_cm: float | None
    """Median |z of the mesh - sensor depth| over visible pixels that the mesh covers."""
    covered: float | None
    """Share of the visible pixels that the mesh covers."""
    silhouette_iou: float | None
    """IoU of the mesh's silhouette and the visible mask, where nothing else may stand in front."""
    views: int
    psnr_db: float | None
    """Of the vertex colours against the pictures, over visible pixels that the mesh covers; None without colours."""
    ssim: float | None
    """As `psnr_db`, in [-1, 1]."""


def held_out_agreement(
    mesh: trimesh.Trimesh,
    views: Iterable[ObjectView],
    *,
    depth_sigma: Callable[[Float[np.ndarray, "pixels"]], Float[np.ndarray, "pixels"]],
    margin: float,
) -> HeldOut:
    """Ray-cast `mesh` (world, metres) into `views` and compare it with sensor depth, visible masks and colours.

    Silhouette: left out are unknown pixels, other pixels without depth (something may stand in front), and those of
    other surfaces that hide the mesh or that it touches: z > depth - (margin + 2 sigma). All views are pooled.
    """
    caster, rgb = Caster(mesh), stored_colors(mesh)
    residuals: list[np.ndarray] = []
    pictures = ImageAgreement()
    outline = np.zeros(3, np.int64)
    count = 0
    for view in views:
        count += 1
        z, face = caster.depth_image(view.camera, view.camera_to_world)
        shown = (face >= 0) & view.visible
        compared = shown & (view.depth > 0)
        residuals.append(np.abs(z[compared] - view.depth[compared]))
        allowance = margin + 2 * depth_sigma(np.where(face >= 0, z, 0))
        outline += _outline(view, z, face >= 0, allowance)
        if rgb is not None:
            rendered = np.zeros((*face.shape, 3))
            rendered[shown] = vertex_color_image(mesh, rgb, view, z, np.where(shown, face, -1))
            pictures.add(rendered, view.color / 255.0, shown)
    pooled = np.concatenate(residuals) if residuals else np.zeros(0)
    both, either, visible = (int(n) for n in outline)
    return HeldOut(
        held_out_depth_residual_cm=100 * float(np.median(pooled)) if len(pooled) else None,
        covered=both / visible if visible else None,
        silhouette_iou=both / either if either else None,
        views=count,
        psnr_db=pictures.psnr_db,
        ssim=pictures.ssim,
    )


def _outline(
    view: ObjectView,
    z: Float[np.ndarray, "height width"],
    hit: Bool[np.ndarray, "height width"],
    allowance: Float[np.ndarray, "height width"],
) -> Int[np.ndarray, "3"]:
    """Pixels of mesh and mask, of either, and of the mask, where the view is not silent."""
    silent = view.unknown | ((view.depth <= 0) & ~view.visible)
    other = hit & (view.depth > 0) & ~view.visible
    silent[other] |= (z > view.depth - allowance)[other]
    pixels = (hit & view.visible, hit | view.visible, view.visible)
    return np.array([np.count_nonzero(chosen & ~silent) for chosen in pixels])


@dataclass(frozen=True)
class Limits:
    """Where `good` and `fair` end; beyond `fair` a mesh is `poor`. Shares in [0, 1], centimetres."""

    depth_residual_cm: tuple[float, float]
    silhouette_iou: tuple[float, float]
    guessed: tuple[float, float]


def verdict(
    held_out: HeldOut, shares: dict[str, float], *, watertight: bool, pieces: int, limits: Limits
) -> dict[str, Any]:
    """{grade, reason, evidence, held-out numbers}. The grade is that of the weakest measure, which the reason names.

    A closed mesh of several `pieces` is fair at best: furniture is in one piece.
    """
    residual, iou, guessed = held_out.held_out_depth_residual_cm, held_out.silhouette_iou, shares["guessed"]
    findings: list[tuple[int, str]] = []
    if residual is not None:
        text = f"its surface is {residual:.1f} cm off the depth of held-out views"
        findings.append((_step(residual, limits.depth_residual_cm), text))
    if iou is not None:
        text = f"its outline agrees to {100 * iou:.0f} % with held-out views"
        findings.append((_step(-iou, (-limits.silhouette_iou[0], -limits.silhouette_iou[1])), text))
    findings.append((_step(guessed, limits.guessed), f"{100 * guessed:.0f} % of its surface is guessed"))
    if not watertight:
        findings.append((2, "it is not closed"))
    elif pieces > 1:
        findings.append((1, f"it is in {pieces} pieces"))
    worst = max(step for step, _ in findings)
    reason = "; ".join(text for step, text in findings if step == worst)
    if residual is None and iou is None:
        reason += "; no held-out view shows it"
    return {"grade": GRADES[worst], "reason": reason, "evidence": shares, **asdict(held_out)}


def failed_verdict(reason: str) -> dict[str, Any]:
    """The verdict on a missing or empty mesh."""
    nothing = HeldOut(None, None, None, 0, None, None)
    return {"grade": "poor", "reason": reason, "evidence": None, **asdict(nothing)}


def _step(value: float, limits: tuple[float, float]) -> int:
    """0 good, 1 fair, 2 poor; smaller values are better."""
    return int(value > limits[0]) + int(value > limits[1])
