"""Small fields for the tests of this folder."""

from collections.abc import Callable

import pytest
import torch

from o2recon.field import Cascade, HashGrid


@pytest.fixture
def make_grid() -> Callable[..., HashGrid]:
    """A grid with dense and hashed levels and large random rows."""

    def build(**changes: object) -> HashGrid:
        torch.manual_seed(0)
        options: dict = {
            "num_levels": 4,
            "num_features": 2,
            "min_resolution": 3,
            "max_resolution": 24,
            "log2_rows": 9,
            "interpolation": "smooth",
            "initial_scale": 1.0,
            "backend": "auto",
        }
        return HashGrid(**(options | changes))

    return build


@pytest.fixture
def make_cascade(make_grid: Callable[..., HashGrid]) -> Callable[..., Cascade]:
    """A small cascade; `awake` gives every layer random values, so that no term vanishes."""

    def build(*, awake: bool, backend: str = "auto") -> Cascade:
        coarse = make_grid(num_levels=2, max_resolution=6, backend=backend, initial_scale=0.1)
        fine = make_grid(backend=backend, initial_scale=0.1)
        cascade = Cascade(
            coarse_encoding=coarse,
            fine_encoding=fine,
            num_hidden=16,
            num_coarse_layers=2,
            num_fine_layers=1,
            num_color_layers=1,
            num_feature_channels=5,
            softplus_beta=20.0,
            initial_radius=0.5,
            initial_sharpness=0.3,
        )
        if awake:
            for network in (cascade.coarse, cascade.fine):
                torch.nn.init.normal_(network.output.weight, std=0.3)
            cascade.set_progress(1.0, 4.0)
        return cascade

    return build
