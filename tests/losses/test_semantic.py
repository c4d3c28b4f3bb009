"""The semantic loss with encoders given by formulas."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from o2recon.losses.semantic import SemanticLoss, SemanticTarget

X, Y, Z = torch.eye(3)


def mean_color(pictures: Tensor) -> Tensor:
    """Direction of the mean colour."""
    return functional.normalize(pictures.mean((2, 3)), dim=-1)


def picture(color: Tensor) -> Tensor:
    return color[:, None, None].expand(3, 4, 4)


def loss(**weights: float) -> SemanticLoss:
    return SemanticLoss(**{"color_weight": 1.0, "normal_weight": 1.0, "text_weight": 1.0, **weights})


def test_what_means_the_same_costs_nothing() -> None:
    target = SemanticTarget(color=X, normal=X, text=X)
    assert loss()(picture(X), picture(X), encoder=mean_color, target=target) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        # colour renders as x, normal as y; wanted are colour x, normal z, text y: 1 - 1, 1 - 0, 2 - 0 - 1
        ({}, 2.0),
        ({"color_weight": 0.0}, 2.0),
        ({"normal_weight": 3.0}, 4.0),
        ({"text_weight": 2.0}, 3.0),
    ],
)
def test_every_term_is_what_the_paper_says(weights: dict[str, float], expected: float) -> None:
    target = SemanticTarget(color=X, normal=Z, text=Y)
    assert float(loss(**weights)(picture(X), picture(Y), encoder=mean_color, target=target)) == pytest.approx(expected)


def test_without_normal_cues_the_normals_are_compared_with_the_text_only() -> None:
    target = SemanticTarget(color=X, normal=None, text=Y)
    assert float(loss()(picture(X), picture(Y), encoder=mean_color, target=target)) == pytest.approx(1.0)


def test_descent_ends_at_the_targets() -> None:
    generator = torch.Generator().manual_seed(0)
    color, normal = (torch.rand(3, 4, 4, generator=generator, requires_grad=True) for _ in range(2))
    target = SemanticTarget(color=X, normal=X, text=X)
    optimizer = torch.optim.Adam([color, normal], lr=0.05)
    for _ in range(200):
        value = loss()(color, normal, encoder=mean_color, target=target)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert float(value.detach()) < 0.01
