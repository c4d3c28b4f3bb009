"""Mixed batches of rays: fixed shares of visible, hidden, background, possible and outline pixels."""

import torch
from jaxtyping import Int
from torch import Tensor

from o2recon.data.table import RayTable, Role


class RaySampler:
    """Draws row numbers of a RayTable, with replacement, a fixed number from each pool.

    `shares` names the pools: visible, hidden, possible, background (by role) and boundary (along the outline, any
    role). The share of a pool without pixels goes to the others in proportion.
    """

    POOLS = ("visible", "hidden", "possible", "background", "boundary")

    def __init__(self, table: RayTable, *, shares: dict[str, float], num_rays: int) -> None:
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

    def __call__(self, generator: torch.Generator) -> Int[Tensor, "rays"]:
        """Rows of one batch; always the same number, pool after pool."""
        draws = []
        for name, pool in self.pools.items():
            at = torch.randint(len(pool), (self.counts[name],), generator=generator, device=pool.device)
            draws.append(pool[at])
        return torch.cat(draws)


def _pool(table: RayTable, name: str) -> Int[Tensor, "pool"]:
    chosen = table.boundary if name == "boundary" else table.role == Role[name.upper()]
    return torch.nonzero(chosen).flatten()


def _counts(shares: dict[str, float], total: int) -> dict[str, int]:
    """Integers in proportion to `shares` that add up to `total` (largest remainders)."""
    exact = {name: total * share / sum(shares.values()) for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
