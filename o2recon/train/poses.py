"""Poses that drift, refined while the field is trained: views move to where it explains them better."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.data import RayTable, step_seed
from o2recon.train.alignment import Explained, Sample, gauss_newton, measured_rows, outline_rows, rotations, sampled
from o2recon.train.reconstruction import Reconstruction

log = logging.getLogger(__name__)
SEEDS = 4 * 10**6
"""Added to the step in the seeds of what is drawn here."""
TEST_EVERY = 4
"""Every so many of a view's measured points are kept for judging."""
FARTHEST = 0.03
"""Metres beyond which a point is as far from the surface as any."""
METRICS = ("train/poses/turn_degrees", "train/poses/shift_cm", "train/poses/apart_mm")


@dataclass(frozen=True)
class Alignment:
    """`motion` of each view (turn about the object's centre, shift; radians and object units), 0 where it stays.
    `before`, `after`: mean distance (metres) of measured points that had no part in it from the field's surface.
    `is_better`: whether that, or colour, is explained so much better that views should move."""

    motion: Float[Tensor, "views 6"]
    before: float
    after: float
    is_better: bool


class PoseRefinement:
    """Moves training's views when `shares` of its steps are done, by `iterations` steps of Gauss-Newton each.

    From each view `num_points` measured points, at which the field's SDF should be 0 and, from `color_from` of the
    steps on, its colour what was seen; and `num_outline` rays along the outline, which should miss or meet the surface
    to within `outline_sigma` metres. What a view says of depth counts as `view_points` independent measurements at
    most, since its errors are not independent; colour and outlines with their weights. `absolute` (degrees, cm at the
    object): standard deviations from the poses that training began with; `largest`: how far a view may go. What all
    views move in common is taken out. A view moves only when points of its own that had no part in it are explained
    better, and all stay where they are unless depth or colour of these is, by `min_gain`, a share.
    """

    def __init__(
        self,
        *,
        shares: Sequence[float],
        iterations: int,
        num_points: int,
        num_outline: int,
        view_points: float,
        outline_weight: float,
        outline_sigma: float,
        color_weight: float,
        color_from: float,
        absolute: Sequence[float],
        largest: Sequence[float],
        min_gain: float,
    ) -> None:
        if not all(0 <= s < 1 for s in shares) or list(shares) != sorted(set(shares)):
            raise ValueError(f"poses.in_training.shares={list(shares)}: must rise and lie in [0, 1)")
        for name, pair in (("absolute", absolute), ("largest", largest)):
            if len(pair) != 2 or min(pair) <= 0:
                raise ValueError(f"poses.in_training.{name}={list(pair)}: must be [degrees, cm], above 0")
        if not 0 <= min_gain < 1 or num_points < 2 * TEST_EVERY or num_outline < 1 or iterations < 1:
            raise ValueError(
                f"poses.in_training: min_gain={min_gain} must lie in [0, 1), num_points={num_points} be >="
                f" {2 * TEST_EVERY}, num_outline={num_outline} and iterations={iterations} >= 1"
            )
        self.shares, self.iterations = [float(s) for s in shares], iterations
        self.num_points, self.num_outline, self.view_points = num_points, num_outline, view_points
        self.outline_weight, self.outline_sigma = outline_weight, outline_sigma
        self.color_weight, self.color_from = color_weight, color_from
        self.absolute, self.largest, self.min_gain = list(absolute), list(largest), min_gain

    @torch.no_grad()
    def __call__(
        self,
        field: nn.Module,
        table: RayTable,
        *,
        total: Float[Tensor, "views 6"],
        scale: float,
        share: float,
        generator: torch.Generator,
    ) -> Alignment:
        """How the views of `table` should move, from where it has them. `total`: how far they moved before. `scale`:
        metres per object unit. `share` of training that is done. `generator`: on the CPU."""
        points = sampled(table, measured_rows(table), count=self.num_points, generator=generator)
        outline = sampled(table, outline_rows(table), count=self.num_outline, generator=generator)
        testing = torch.arange(self.num_points, device=points.rows.device) % TEST_EVERY == 0
        color = self.color_weight > 0 and share >= self.color_from
        options = {"outline_sigma": self.outline_sigma / scale}
        fitted = Explained(field, table, _columns(points, ~testing), outline, color=color, **options)
        tested = Explained(field, table, _columns(points, testing), outline, color=color, **options)
        counts = [self.view_points, self.view_points * self.outline_weight]
        counts += [self.view_points * self.color_weight / 3] * 3 * color
        motion = torch.zeros_like(total)
        for _ in range(self.iterations):
            motion = motion + gauss_newton(fitted(motion), counts, total + motion, _units(self.absolute, scale))
            motion = self._limited(total + motion - motion.mean(0), scale) - total
        return self._judged(tested, motion, scale)

    def _limited(self, total: Tensor, scale: float) -> Tensor:
        parts = zip(total.split(3, -1), _units(self.largest, scale), strict=True)
        lengths = (x.norm(dim=-1, keepdim=True).clamp(min=1e-12) for x in total.split(3, -1))
        return torch.cat([x * (most / n).clamp(max=1) for (x, most), n in zip(parts, lengths, strict=True)], 1)

    def _judged(self, tested: Explained, motion: Tensor, scale: float) -> Alignment:
        before, after = tested.errors(torch.zeros_like(motion)), tested.errors(motion)
        for errors in (before, after):
            errors[0].clamp_(max=FARTHEST / scale)
        ratios = [last.nanmean(1) / first.nanmean(1).clamp(min=1e-9) for first, last in zip(before, after, strict=True)]
        better = torch.stack(ratios).mean(0) < 1  # false where there is nothing to compare
        kept = [torch.where(better[:, None], last, first) for first, last in zip(before, after, strict=True)]
        means = [[float(errors.nanmean()) for errors in both] for both in (before, kept)]
        gains = [1 - last / max(first, 1e-9) for first, last in zip(*means, strict=True)]
        is_better = max(gains) >= self.min_gain and min(gains) > -self.min_gain
        return Alignment(motion * better[:, None], means[0][0] * scale, means[1][0] * scale, is_better)


def _columns(sample: Sample, which: Tensor) -> Sample:
    return Sample(sample.rows[:, which], sample.is_there[:, which])


def _units(pair: Sequence[float], scale: float) -> list[float]:
    """Degrees and cm to radians and object units."""
    return [math.radians(pair[0]), pair[1] / 100 / scale]


class MovingViews(pl.Callback):
    """Moves the views of one training at the steps that `rule` names, and again where a checkpoint was left.

    The first process decides for all of them. Held-out views stay where they are. `starts_warm`: the field knows the
    object before the first step; else nothing moves then.
    """

    def __init__(self, rule: PoseRefinement, *, starts_warm: bool) -> None:
        self.rule = rule
        self.shares = [share for share in rule.shares if share > 0 or starts_warm]
        self.done: list[dict[str, Any]] = []
        """One entry for each share that has passed: what was found, and the motion unless all views stayed."""

    def state_dict(self) -> dict[str, Any]:
        return {"done": self.done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.done = list(state_dict["done"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Reconstruction)
        table = pl_module.data.train_table
        self.total = torch.zeros(len(table.view_origins), 6, device=table.view.device)
        for entry in self.done:
            if entry["moved"]:
                self._move(table, torch.tensor(entry["motion"], device=table.view.device))
        pl_module.pose_notes = self.notes(pl_module)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, _: int) -> None:
        assert isinstance(pl_module, Reconstruction)
        share = pl_module.scheduled_step(batch.start) / pl_module.num_steps
        passed = sum(share >= s for s in self.shares)
        if passed > len(self.done):
            pl_module.stand_at(batch.start)
            self._refine(pl_module, batch.start, share, passed)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, _: int
    ) -> None:
        assert isinstance(pl_module, Reconstruction)
        pl_module.block_means |= self._standing(pl_module)

    def _standing(self, module: Reconstruction) -> dict[str, float]:
        turn, shift = self.corrections(module)
        values = [float(turn.median()), float(shift.median())]
        if self.done and self.done[-1]["apart_mm"] is not None:
            values.append(self.done[-1]["apart_mm"][1 if self.done[-1]["moved"] else 0])
        return dict(zip(METRICS, values, strict=False))

    def _refine(self, module: Reconstruction, step: int, share: float, passed: int) -> None:
        entry = None
        if module.peers.rank == 0:
            generator = torch.Generator().manual_seed(step_seed(module.seed, SEEDS + step))
            find = partial(self.rule, total=self.total, scale=module.held_out.scale, share=share, generator=generator)
            found = find(module.field, module.data.train_table)
            known = math.isfinite(found.before)
            apart = [round(1000 * d, 3) for d in (found.before, found.after)] if known else None
            motion = found.motion.cpu().tolist() if found.is_better else []
            entry = {"step": step, "moved": found.is_better, "apart_mm": apart, "motion": motion}
        entry = module.peers.said_by_first(entry)
        stays = {**entry, "moved": False, "motion": []}
        self.done += [stays] * (passed - len(self.done) - 1) + [entry]
        if entry["moved"]:
            self._move(module.data.train_table, torch.tensor(entry["motion"], device=self.total.device))
        module.pose_notes = self.notes(module)
        self._say(module, entry)

    def _move(self, table: RayTable, motion: Tensor) -> None:
        table.move_views(rotations(motion[:, :3]), motion[:, 3:])
        self.total = self.total + motion

    def _say(self, module: Reconstruction, entry: dict[str, Any]) -> None:
        if entry["apart_mm"] is None:
            log.info("step %d: poses stay: no view measured the object's surface", entry["step"])
            return
        before, after = entry["apart_mm"]
        if not entry["moved"]:
            log.info(
                "step %d: poses stay: views are %.2f mm from the field, %.2f at best", entry["step"], before, after
            )
            return
        turn, shift = self.corrections(module)
        log.info(
            "step %d: views moved by %.2f degrees and %.2f cm so far (median): %.2f mm from the field instead of %.2f",
            *(entry["step"], float(turn.median()), float(shift.median()), after, before),
        )

    def corrections(self, module: Reconstruction) -> tuple[Float[Tensor, "views"], Float[Tensor, "views"]]:
        """How far each view has turned (degrees) and moved at the object's centre (cm), to first order."""
        turn, shift = (part.norm(dim=-1).cpu() for part in self.total.split(3, -1))
        return turn.rad2deg(), 100 * module.held_out.scale * shift

    def notes(self, module: Reconstruction) -> dict[str, Any]:
        """For `result.json`."""
        turn, shift = self.corrections(module)
        indices = [v.index for v in module.data.folder.read_record().views if not v.held_out]
        pairs = zip(turn.tolist(), shift.tolist(), strict=True)
        return {
            "moved": any(entry["moved"] for entry in self.done),
            "steps": [{k: v for k, v in entry.items() if k != "motion"} for entry in self.done],
            "median_degrees": round(float(turn.median()), 3),
            "largest_degrees": round(float(turn.max()), 3),
            "median_cm": round(float(shift.median()), 3),
            "largest_cm": round(float(shift.max()), 3),
            "correction_degrees_cm": {
                str(i): [round(d, 4), round(c, 4)] for i, (d, c) in zip(indices, pairs, strict=True)
            },
        }
