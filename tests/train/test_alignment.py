"""Views of a painted box that were moved find back, on depth, colour and silhouettes."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException
from painted_box import SCALE, PaintedBox, drift, moved_away, rule, views
from scipy.spatial.transform import Rotation
from torch import Tensor

from o2recon.data import RayTable
from o2recon.train import PoseRefinement
from o2recon.train.alignment import Explained, Sample, outline_rows, rotations, sampled


def found(table: RayTable, refine: PoseRefinement, *, share: float = 0.5) -> Any:
    generator = torch.Generator().manual_seed(0)
    return refine(PaintedBox(), table, total=torch.zeros(8, 6), scale=SCALE, share=share, generator=generator)


def apart_cm(table: RayTable, truth: RayTable) -> float:
    """Root mean square distance of measured points from where they belong."""
    ends = [t.view_origins[t.view.long()] + t.surface_distance[:, None] * t.directions for t in (table, truth)]
    off = (ends[0] - ends[1])[truth.surface_distance > 0]
    return float(off.square().sum(-1).mean().sqrt()) * SCALE * 100


def test_views_that_were_moved_find_back() -> None:
    truth = views(1.6, 0.004, False)
    table = moved_away(truth, drift(2.0, 2.0))
    alignment = found(table, rule())
    assert alignment.is_better and alignment.after < 0.5 * alignment.before
    before = apart_cm(table, truth)
    table.move_views(rotations(alignment.motion[:, :3]), alignment.motion[:, 3:])
    assert before > 1 and apart_cm(table, truth) < 0.15 * before


def test_depth_lets_views_slide_along_a_plane_and_colour_does_not() -> None:
    """Seen from above, the views show one face and no outline."""
    truth = views(0.35, 0.002, True)
    slide = drift(1.0, 1.0)
    slide[:, :2] = slide[:, 5:] = 0  # turned about the vertical and shifted along the face
    table, before = moved_away(truth, slide), apart_cm(moved_away(truth, slide), truth)
    without = found(table, rule(color_weight=0.0))
    assert not without.is_better
    alignment = found(table, rule(color_weight=1.0))
    assert alignment.is_better
    table.move_views(rotations(alignment.motion[:, :3]), alignment.motion[:, 3:])
    assert apart_cm(table, truth) < 0.25 * before


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_views_that_are_where_they_should_be_stay(share: float) -> None:
    """Noise of the sensor is no drift."""
    alignment = found(views(1.6, 0.006, False), rule(), share=share)
    assert not alignment.is_better and alignment.before > 0.001


def test_without_measured_depth_no_view_moves() -> None:
    table = replace(views(1.6, 0.006, False), surface_distance=0 * views(1.6, 0.006, False).surface_distance)
    alignment = found(table, rule())
    assert not alignment.is_better and not torch.any(alignment.motion) and alignment.before != alignment.before


def test_no_view_goes_farther_than_it_may() -> None:
    table = moved_away(views(1.6, 0.004, False), drift(2.0, 2.0))
    motion = found(table, rule(largest=[0.5, 0.4])).motion
    turn, shift = (part.norm(dim=1).max() for part in motion.split(3, 1))
    assert 0.45 < float(turn.rad2deg()) < 0.501 and 0.35 < 100 * SCALE * float(shift) < 0.401


def test_silhouettes_push_a_view_until_rays_beside_the_object_miss_it() -> None:
    truth = views(1.6, 0.004, False)
    motion = torch.zeros(8, 6)
    motion[:, 5] = 0.1
    table = moved_away(truth, motion)
    nothing = Sample(torch.zeros(8, 1, dtype=torch.long), torch.zeros(8, 1, dtype=torch.bool))
    outline = sampled(truth, outline_rows(truth), count=200, generator=torch.Generator().manual_seed(0))
    right, wrong = (
        Explained(PaintedBox(), t, nothing, outline, color=False, outline_sigma=0.02)(torch.zeros(8, 6))[1]
        for t in (truth, table)
    )
    contradicted = [float((found.weight > 0)[outline.is_there].float().mean()) for found in (right, wrong)]
    assert contradicted[0] < 0.02 and contradicted[1] > 0.2
    back = (wrong.weight * wrong.value * wrong.slope[..., 5]).sum() / (wrong.weight * wrong.slope[..., 5] ** 2).sum()
    assert 0.01 < float(back) < 0.15  # Gauss-Newton goes back down by this much at once


def test_the_slopes_are_those_of_the_residuals() -> None:
    table = views(1.6, 0.0, False)
    points = sampled(table, measured(table), count=40, generator=torch.Generator().manual_seed(0))
    explained = Explained(PaintedBox(), table, points, points, color=False, outline_sigma=0.01)
    at = moved_away(table, drift(0.5, 1.0))
    explained = Explained(PaintedBox(), at, points, points, color=False, outline_sigma=0.01)
    here = explained(torch.zeros(8, 6))[0]
    inside = here.weight > 0
    for k in range(6):
        step = torch.zeros(8, 6)
        step[:, k] = 1e-3
        ahead = explained(step)[0].value * _spread(explained, step) - here.value * _spread(explained, step * 0)
        slope = here.slope[..., k] * _spread(explained, step * 0) * 1e-3
        close = (ahead - slope).abs() < 0.05 * slope.abs() + 2e-3
        assert float(close[inside].float().mean()) > 0.9  # edges of the box bend


def measured(table: RayTable) -> Tensor:
    return torch.nonzero(table.surface_distance > 0).flatten()


def _spread(explained: Explained, motion: Tensor) -> Tensor:
    """What the residuals of depth were divided by."""
    sdf = explained.errors(motion)[0] / explained.rays.sigma.reshape(explained.points.rows.shape)
    return (1.4826 * sdf[explained.points.is_there].median()).clamp(min=0.25)


def test_samples_are_a_view_s_own_rays_each_once() -> None:
    table = views(1.6, 0.0, False)
    sample = sampled(table, measured(table), count=2000, generator=torch.Generator().manual_seed(0))
    assert int(sample.is_there.sum()) == len(measured(table))
    assert sorted(sample.rows[sample.is_there].tolist()) == measured(table).tolist()
    assert bool((table.view[sample.rows] == torch.arange(8)[:, None])[sample.is_there].all())


def test_moving_views_is_a_rigid_motion_of_their_rays() -> None:
    table = views(1.6, 0.0, False)
    motion = torch.tensor([[0.1, -0.2, 0.3, 0.5, 0.0, -0.1]]).expand(8, 6)
    turn = torch.from_numpy(Rotation.from_rotvec([0.1, -0.2, 0.3]).as_matrix()).float()
    other = moved_away(table, motion)
    for name, shift in (("directions", 0), ("normal", 0), ("view_origins", motion[:1, 3:])):
        expected = getattr(table, name).float() @ turn.T + shift
        assert torch.allclose(getattr(other, name).float(), expected, atol=2e-3 if name == "normal" else 1e-5), name


WRONG = ("shares=[0.5,0.2]", "shares=[1.0]", "absolute=[1.0]", "largest=[0.0,1.0]", "min_gain=1.0", "num_points=4")


@pytest.mark.parametrize("option", WRONG)
def test_options_out_of_range_are_named(option: str) -> None:
    name, value = option.split("=")
    with pytest.raises(InstantiationException, match=name):
        rule(**{name: value})
