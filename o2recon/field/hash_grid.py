"""Multi-resolution grid encoding: low levels dense, high levels hashed; one interface over its backends."""

import logging
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from o2recon.field import numba_grid, tinycudann_grid, torch_grid
from o2recon.field.device import has_triton
from o2recon.field.encoding import Encoded, Encoding
from o2recon.field.layout import grid_layout

log = logging.getLogger(__name__)
BACKENDS = ("auto", "torch", "numba", "triton", "tinycudann")
PAIRWISE = ("numba", "triton")
"""Backends that take features two at a time."""


class HashGrid(Encoding):
    """Grid encoding of Instant-NGP, with exact first and second derivatives.

    `interpolation` is "smooth" (smoothstep, continuous normals) or "linear". `backend` "auto" takes numba on the CPU
    and triton on a GPU, torch where they cannot; points that themselves require a gradient, and float64, always go
    through torch, whose derivatives are complete to any order. Tables of `num_objects` objects lie one after the other.
    """

    level_weights: Tensor

    def __init__(
        self,
        *,
        num_levels: int,
        num_features: int,
        min_resolution: int,
        max_resolution: int,
        log2_rows: int,
        interpolation: str,
        initial_scale: float,
        backend: str,
        num_objects: int = 1,
    ) -> None:
        super().__init__()
        if interpolation not in ("smooth", "linear"):
            raise ValueError(f"interpolation={interpolation!r}: must be 'smooth' or 'linear'")
        if backend not in BACKENDS:
            raise ValueError(f"encoding backend={backend!r}: must be one of {', '.join(BACKENDS)}")
        self.layout = grid_layout(
            num_levels=num_levels, min_resolution=min_resolution, max_resolution=max_resolution, log2_rows=log2_rows
        )
        self.num_levels = num_levels
        self.num_channels = num_levels * num_features
        self.smooth = interpolation == "smooth"
        if backend in PAIRWISE and num_features % 2:
            raise ValueError(f"num_features={num_features}: {backend} takes an even number, or set backend=torch")
        if backend == "tinycudann":
            tinycudann_grid.load()
        if backend == "triton" and not has_triton():
            raise ImportError("encoding backend=triton: Triton is missing; it comes with torch on Linux")
        self.backend = backend
        self._announced: set[str] = set()
        rows = num_objects * self.layout.total_rows
        self.table = nn.Parameter((torch.rand(rows, num_features) * 2 - 1) * initial_scale)
        self.register_buffer("level_weights", torch.ones(num_levels))

    def set_active_levels(self, active: float) -> None:
        """Level l has weight clip(active - l, 0, 1): whole levels are on, the last one fades in."""
        levels = torch.arange(self.num_levels, device=self.level_weights.device)
        self.level_weights.copy_((active - levels).clamp(0, 1))

    def resolve_backend(self, device: torch.device) -> str:
        """The backend that runs for points on `device`."""
        if self.backend != "auto":
            return self.backend
        if self.table.shape[1] % 2:
            return "torch"
        if device.type == "cpu":
            return "numba"
        return "triton" if device.type == "cuda" and has_triton() else "torch"

    def features(
        self, points: Float[Tensor, "points 3"], objects: Int[Tensor, "blocks"] | None = None
    ) -> Float[Tensor, "points channels"]:
        return self._encode(points, objects, contraction=False).features

    def encode(self, points: Float[Tensor, "points 3"], objects: Int[Tensor, "blocks"] | None = None) -> Encoded:
        return self._encode(points, objects, contraction=True)

    def _encode(self, points: Tensor, objects: Tensor | None, *, contraction: bool) -> Encoded:
        backend = self.resolve_backend(points.device)
        if points.requires_grad or points.dtype != torch.float32:
            backend = "torch"
        if backend not in self._announced:
            self._announced.add(backend)
            _announce(backend, str(points.device))
        arguments = (points, self.table, self.level_weights, objects, self.layout)
        if backend == "triton":
            from o2recon.field import triton_grid

            return triton_grid.encode(*arguments, smooth=self.smooth, contraction=contraction)
        modules = {"torch": torch_grid, "numba": numba_grid, "tinycudann": tinycudann_grid}
        return modules[backend].encode(*arguments, smooth=self.smooth)


@cache
def _announce(backend: str, device: str) -> None:
    """Say once in a process what really runs, however many grids there are."""
    log.info("hash-grid encoding: %s on %s", backend, device)
