"""The written-out input gradient is autograd's, to the second order."""

import pytest
import torch

from o2recon.field import Fourier, Mlp


@pytest.mark.parametrize("num_layers", [1, 3])
def test_input_gradient_equals_autograd(num_layers: int) -> None:
    torch.manual_seed(0)
    mlp = Mlp(num_inputs=5, num_hidden=8, num_layers=num_layers, num_outputs=3, beta=100.0).double()
    x = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    outputs, gradient = mlp.with_gradient(x)
    torch.testing.assert_close(outputs, mlp(x))
    (expected,) = torch.autograd.grad(mlp(x)[:, 0].sum(), x, create_graph=True)
    torch.testing.assert_close(gradient, expected)
    weight = mlp.hidden[0].weight
    (a,) = torch.autograd.grad(gradient.square().sum(), weight)
    (b,) = torch.autograd.grad(expected.square().sum(), weight)
    torch.testing.assert_close(a, b)


def test_asking_for_the_first_output_gives_the_first_output() -> None:
    mlp = Mlp(num_inputs=4, num_hidden=8, num_layers=1, num_outputs=6, beta=10.0)
    x = torch.randn(9, 4)
    torch.testing.assert_close(mlp(x, 1), mlp(x)[:, :1])


def test_positional_encoding_contracts_as_autograd_does() -> None:
    torch.manual_seed(0)
    encoding = Fourier(num_octaves=3).double()
    x = torch.rand(6, 3, dtype=torch.float64, requires_grad=True)
    encoded = encoding.encode(x)
    g = torch.randn(6, encoding.num_channels, dtype=torch.float64)
    (expected,) = torch.autograd.grad((encoded.features * g).sum(), x)
    torch.testing.assert_close(encoded.contract(g), expected)
