"""Shares of the mixed batches."""

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
    rows = RaySampler(table, shares=shares, num_rays=256)(torch.Generator().manual_seed(0))
    assert rows.shape == (256,)
    assert (table.role[rows[:128]] == Role.VISIBLE).all()
    assert (table.role[rows[128:192]] == Role.HIDDEN).all()
    assert (table.role[rows[192:224]] == Role.BACKGROUND).all()
    assert table.boundary[rows[224:]].all()


def test_the_share_of_an_empty_pool_goes_to_the_others(table: RayTable) -> None:
    assert not (table.role == Role.POSSIBLE).any()
    sampler = RaySampler(table, shares={"visible": 0.6, "hidden": 0.2, "possible": 0.2}, num_rays=100)
    assert sampler.counts == {"visible": 75, "hidden": 25}


@pytest.mark.parametrize("total", [1, 7, 100, 1023])
def test_counts_add_up(table: RayTable, total: int) -> None:
    sampler = RaySampler(table, shares={"visible": 1 / 3, "hidden": 1 / 3, "background": 1 / 3}, num_rays=total)
    assert sum(sampler.counts.values()) == total


def test_the_same_seed_draws_the_same(table: RayTable) -> None:
    sampler = RaySampler(table, shares={"visible": 1.0}, num_rays=50)
    one, two, other = (sampler(torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("shares", [{"seen": 1.0}, {"visible": -1.0, "hidden": 2.0}, {"visible": 0.0}])
def test_shares_that_make_no_sense_are_refused(table: RayTable, shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"data\.shares"):
        RaySampler(table, shares=shares, num_rays=10)
