"""Mixed batches of rays: fixed shares of visible, hidden, background, possible and outline pixels."""

import torch
from jaxtyping import Int
from torch import Tensor

from o2recon.data.table import RayTable, Role


class RaySampler:
    """Draws row numbers of a RayTable, with replacement, a fixed number from each pool.

    `shares` names the pools: visible, hidden, possible, background (by role), boundary (along the outline, any role),
    complete (visible and hidden) and anywhere (all). The share of a pool without pixels goes to the others in
    proportion. With `one_view` a batch looks from one view, drawn anew every time among those that have pixels in all
    the pools, as in the original; without, from all of them.
    """

    POOLS = ("visible", "hidden", "possible", "background", "boundary", "complete", "anywhere")

    def __init__(self, table: RayTable, *, shares: dict[str, float], num_rays: int, one_view: bool) -> None:
        unknown = sorted(set(shares) - set(self.POOLS))
        if unknown or min(shares.values()) < 0 or sum(shares.values()) <= 0:
            raise ValueError(
                f"data.shares={dict(shares)}: use shares >= 0 of {', '.join(self.POOLS)} and at least one above 0"
            )
        pools = {name: _pool(table, name) for name, share in shares.items() if share > 0}
        self.pools = {name: pool for name, pool in pools.items() if len(pool)}
        if not self.pools:
            raise ValueError(f"no training ray lies in any of the pools {', '.join(pools)}: check the object's masks")
        self.counts = _counts({name: shares[name] for name in self.pools}, num_rays)
        self.views = _ViewRanges(table, self.pools) if one_view else None

    def __call__(self, generator: torch.Generator) -> Int[Tensor, "rays"]:
        """Rows of one batch; always the same number, pool after pool."""
        view = None if self.views is None else self.views.draw(generator)
        draws = []
        for name, pool in self.pools.items():
            if self.views is None or view is None:
                at = torch.randint(len(pool), (self.counts[name],), generator=generator, device=pool.device)
            else:
                at = self.views.within(name, view, self.counts[name], generator)
            draws.append(pool[at])
        return torch.cat(draws)


class _ViewRanges:
    """Where each view's rows lie in each pool; pools are in the table's order, view after view. Nothing waits."""

    def __init__(self, table: RayTable, pools: dict[str, Tensor]) -> None:
        num_views = len(table.view_origins)
        lengths = {name: torch.bincount(table.view[pool].long(), minlength=num_views) for name, pool in pools.items()}
        self.lengths = {name: length.double() for name, length in lengths.items()}
        self.starts = {name: length.cumsum(0) - length for name, length in lengths.items()}
        self.views = torch.nonzero(torch.stack(list(lengths.values())).amin(0) > 0).flatten()
        if not len(self.views):
            raise ValueError(
                f"no view has rays in all of {', '.join(pools)}: set data.one_view=false or take shares of fewer pools"
            )

    def draw(self, generator: torch.Generator) -> Int[Tensor, "1"]:
        at = torch.randint(len(self.views), (1,), generator=generator, device=self.views.device)
        return self.views[at]

    def within(self, name: str, view: Int[Tensor, "1"], count: int, generator: torch.Generator) -> Int[Tensor, "rays"]:
        """Positions in the pool, all of one view."""
        length = self.lengths[name][view]
        share = torch.rand(count, generator=generator, device=view.device, dtype=torch.float64)
        return self.starts[name][view] + (share * length).long().minimum(length.long() - 1)


def _pool(table: RayTable, name: str) -> Int[Tensor, "pool"]:
    wholes = {"boundary": table.boundary, "anywhere": torch.ones_like(table.boundary)}
    wholes["complete"] = (table.role == Role.VISIBLE) | (table.role == Role.HIDDEN)
    chosen = wholes[name] if name in wholes else table.role == Role[name.upper()]
    return torch.nonzero(chosen).flatten()


def _counts(shares: dict[str, float], total: int) -> dict[str, int]:
    """Integers in proportion to `shares` that add up to `total` (largest remainders)."""
    exact = {name: total * share / sum(shares.values()) for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
