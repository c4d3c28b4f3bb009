"""Shares of the mixed batches."""

from dataclasses import replace

import pytest
import torch
from sphere_scene import ray_options, sphere_scene

from o2recon.data import RayBuilder, RaySampler, RayTable, Role, concatenated


@pytest.fixture(scope="module")
def table() -> RayTable:
    scene = sphere_scene()
    return concatenated([RayBuilder(**ray_options())(view, scene.frame) for view in scene.views])


def test_every_pool_gets_its_share(table: RayTable) -> None:
    shares = {"visible": 0.5, "hidden": 0.25, "background": 0.125, "boundary": 0.125}
    rows = RaySampler(table, shares=shares, num_rays=256, one_view=False)(torch.Generator().manual_seed(0))
    assert rows.shape == (256,)
    assert (table.role[rows[:128]] == Role.VISIBLE).all()
    assert (table.role[rows[128:192]] == Role.HIDDEN).all()
    assert (table.role[rows[192:224]] == Role.BACKGROUND).all()
    assert table.boundary[rows[224:]].all()


def test_the_share_of_an_empty_pool_goes_to_the_others(table: RayTable) -> None:
    assert not (table.role == Role.POSSIBLE).any()
    sampler = RaySampler(table, shares={"visible": 0.6, "hidden": 0.2, "possible": 0.2}, num_rays=100, one_view=False)
    assert sampler.counts == {"visible": 75, "hidden": 25}


@pytest.mark.parametrize("total", [1, 7, 100, 1023])
def test_counts_add_up(table: RayTable, total: int) -> None:
    sampler = RaySampler(
        table, shares={"visible": 1 / 3, "hidden": 1 / 3, "background": 1 / 3}, num_rays=total, one_view=False
    )
    assert sum(sampler.counts.values()) == total


def test_the_same_seed_draws_the_same(table: RayTable) -> None:
    sampler = RaySampler(table, shares={"visible": 1.0}, num_rays=50, one_view=False)
    one, two, other = (sampler(torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("shares", [{"seen": 1.0}, {"visible": -1.0, "hidden": 2.0}, {"visible": 0.0}])
def test_shares_that_make_no_sense_are_refused(table: RayTable, shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"data\.shares"):
        RaySampler(table, shares=shares, num_rays=10, one_view=False)


def test_a_batch_of_one_view_is_half_inside_the_complete_mask(table: RayTable) -> None:
    sampler = RaySampler(table, shares={"complete": 0.5, "anywhere": 0.5}, num_rays=64, one_view=True)
    seen = set()
    for seed in range(40):
        rows = sampler(torch.Generator().manual_seed(seed))
        assert len(rows) == 64 and len(table.view[rows].unique()) == 1
        assert (table.role[rows[:32]] != Role.BACKGROUND).all()
        assert (table.role[rows[32:]] == Role.BACKGROUND).any()
        seen.add(int(table.view[rows[0]]))
    assert seen == set(range(len(table.view_origins)))


def test_a_view_without_the_object_is_not_drawn(table: RayTable) -> None:
    third = table.view == 3
    blind = replace(table, role=torch.where(third, torch.tensor(Role.BACKGROUND, dtype=torch.uint8), table.role))
    sampler = RaySampler(blind, shares={"complete": 0.5, "anywhere": 0.5}, num_rays=8, one_view=True)
    views = torch.cat([table.view[sampler(torch.Generator().manual_seed(s))] for s in range(60)])
    assert not (views == 3).any() and len(views.unique()) == len(table.view_origins) - 1
    split = torch.where(table.view < 4, int(Role.VISIBLE), int(Role.HIDDEN)).to(torch.uint8)
    with pytest.raises(ValueError, match=r"data\.one_view=false"):
        RaySampler(replace(table, role=split), shares={"visible": 1.0, "hidden": 1.0}, num_rays=8, one_view=True)
