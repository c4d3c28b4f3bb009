"""Before the first step: the field learns the completed volume by heart, so that rendering only has to refine it."""

import logging
import math

import torch
from torch import Tensor, nn

from o2recon.data import PointBatch, PointSampler, VolumeField, step_seed
from o2recon.train.optimizer import GroupedAdam
from o2recon.train.replay import Replay
from o2recon.train.stages import num_fine_levels, set_progress

log = logging.getLogger(__name__)


class WarmStart:
    """Regression of the field's SDF onto the volume's: first the coarse field alone, then together with the fine one.

    Every step sees `num_near` points within `band` metres of the completed surface and `num_uniform` in the box. The
    loss is the mean |sdf - volume's|, clipped to `truncation` (metres) so that far distances do not compete.
    """

    def __init__(
        self,
        *,
        num_coarse_steps: int,
        num_fine_steps: int,
        num_near: int,
        num_uniform: int,
        band: float,
        truncation: float,
        learning_rates: dict[str, float],
    ) -> None:
        self.num_coarse_steps, self.num_fine_steps = num_coarse_steps, num_fine_steps
        self.num_near, self.num_uniform = num_near, num_uniform
        self.band, self.truncation, self.learning_rates = band, truncation, dict(learning_rates)

    def __call__(
        self,
        field: nn.Module,
        volume: VolumeField,
        *,
        scale: float,
        seed: int,
        graph: bool = True,
        share: float = 1.0,
    ) -> float:
        """Fit `field` in place; returns its mean error near the surface in metres. `scale`: metres per object unit.

        `graph`: on a GPU the step is one CUDA graph. `share`: of the points a step, where memory is short.
        """
        draw = PointSampler(
            volume,
            num_uniform=math.ceil(self.num_uniform * share),
            num_surface=math.ceil(self.num_near * share),
            num_carved=0,
            band=self.band,
            carved_reach=0.0,
            box_inflation=1.0,
            scale=scale,
        )
        levels = num_fine_levels(field)
        for offset, steps, progress in (
            (0, self.num_coarse_steps, (0.0, 0.0)),
            (10**6, self.num_fine_steps, (1.0, levels)),
        ):
            set_progress(field, float(progress[0]), float(progress[1]))
            seeds = [step_seed(seed, offset + step) for step in range(steps)]
            self._fit(field, draw, seeds, truncation=self.truncation / scale, graph=graph)
        with torch.no_grad():
            points = draw(torch.Generator(volume.box.device).manual_seed(step_seed(seed, 2 * 10**6)))
            near = points.prior_sdf.abs() * scale < self.band
            error = (_sdf(field, points) - points.prior_sdf).abs()[near].mean() * scale
        log.info("warm start: the field follows the volume within %.1f mm near its surface", 1000 * float(error))
        return float(error)

    def _fit(self, field: nn.Module, draw: PointSampler, seeds: list[int], *, truncation: float, graph: bool) -> None:
        """One step per seed, the rates falling to 0 along half a cosine."""
        groups = field.parameter_groups()  # type: ignore[operator]
        adam = GroupedAdam(
            learning_rates=self.learning_rates, betas=(0.9, 0.99), epsilon=1e-15, warm_up_steps=0, final_share=0.0
        )
        optimizer = adam.build({name: groups[name] for name in self.learning_rates if groups.get(name)})
        generator = torch.Generator(draw.box.device)

        def step() -> None:
            points = draw(generator)
            target, sdf = points.prior_sdf, _sdf(field, points)
            outside = target.abs() > truncation
            clipped = torch.where(outside, sdf.clamp(-truncation, truncation), sdf)
            loss = (clipped - target.clamp(-truncation, truncation)).abs().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        replay = Replay(step, generator=generator, graph=graph)
        for number, seed in enumerate(seeds):
            adam.set_rates(optimizer, number, len(seeds))
            generator.manual_seed(seed)
            replay()


def _sdf(field: nn.Module, points: PointBatch) -> Tensor:
    return field.sdf(points.points)  # type: ignore[operator]
