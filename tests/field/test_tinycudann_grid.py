"""The tiny-cuda-nn backend against the reference: on an emulation of the formulas in its grid.h, and on itself."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from o2recon.field import HashGrid, tinycudann_grid

MakeGrid = Callable[..., HashGrid]


class EmulatedEncoding(nn.Module):
    """One level as tiny-cuda-nn's grid.h and common_device.h have it."""

    def __init__(self, num_inputs: int, config: dict, dtype: torch.dtype) -> None:
        super().__init__()
        assert num_inputs == 3 and config["n_levels"] == 1 and dtype == torch.float32
        self.scale = config["base_resolution"] - 1
        self.resolution = self.scale + 1
        vertices = -(-(self.resolution**3) // 8) * 8
        self.size = min(vertices, 2 ** config["log2_hashmap_size"])
        self.hashed = self.size < self.resolution**3
        self.smooth = config["interpolation"] == "Smoothstep"
        self.features = config["n_features_per_level"]
        self.params = nn.Parameter(torch.zeros(self.size * self.features))

    def forward(self, x: Tensor) -> Tensor:
        position = x * self.scale + 0.5
        cell = position.detach().floor()
        t = position - cell
        u = t * t * (3 - 2 * t) if self.smooth else t
        total = torch.zeros(len(x), self.features)
        for corner in range(8):
            bits = torch.tensor([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
            at = (cell.long() + bits) % 2**32
            factors = (1, 2654435761, 805459861) if self.hashed else (1, self.resolution, self.resolution**2)
            a, b, c = (at * torch.tensor(factors) % 2**32).unbind(-1)
            row = (a ^ b ^ c if self.hashed else (a + b + c) % 2**32) % self.size
            weight = torch.where(bits.bool(), u, 1 - u).prod(-1)
            total = total + weight[:, None] * self.params.view(-1, self.features)[row]
        return total


@pytest.mark.parametrize("interpolation", ["smooth", "linear"])
def test_levels_are_translated_exactly(
    make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch, interpolation: str
) -> None:
    package = ModuleType("tinycudann")
    package.Encoding = EmulatedEncoding  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tinycudann", package)
    tinycudann_grid._level.cache_clear()
    points, g, objects = torch.rand(60, 3) * 0.998 + 0.001, torch.randn(60, 8), torch.tensor([1, 0, 1])
    results = []
    for backend in ("tinycudann", "torch"):
        grid = make_grid(backend=backend, interpolation=interpolation, num_objects=2)
        grid.set_active_levels(3.4)
        encoded = grid.encode(points, objects)
        normals = encoded.contract(g)
        (encoded.features.square().sum() + normals.square().sum()).backward()
        results.append((encoded.features.detach(), normals.detach(), grid.table.grad))
    tinycudann_grid._level.cache_clear()
    for a, b in zip(*results, strict=True):
        assert (a - b).norm() <= 1e-4 * b.norm()


def test_without_the_package_the_error_says_what_to_do(make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tinycudann", None)
    with pytest.raises(ImportError, match=r"build it from .* or set backend=auto"):
        make_grid(backend="tinycudann")


@pytest.mark.gpu
def test_the_real_package_gives_the_same_numbers() -> None:
    pytest.importorskip("tinycudann")
    results = []
    for backend in ("tinycudann", "torch"):
        torch.manual_seed(0)
        grid = HashGrid(
            num_levels=8, num_features=2, min_resolution=16, max_resolution=512, log2_rows=15,
            interpolation="smooth", initial_scale=1.0, backend=backend, num_objects=2,
        ).cuda()  # fmt: skip
        points, g = torch.rand(1000, 3, device="cuda"), torch.randn(1000, 16, device="cuda")
        encoded = grid.encode(points, torch.tensor([1, 0], device="cuda"))
        normals = encoded.contract(g)
        (encoded.features.square().sum() + normals.square().sum()).backward()
        results.append((encoded.features.detach(), normals.detach(), grid.table.grad))
    for a, b in zip(*results, strict=True):
        assert (a - b).norm() <= 1e-3 * b.norm()
