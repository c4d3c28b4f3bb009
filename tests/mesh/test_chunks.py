"""Meshing where memory is short: the same mesh, in smaller parts."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from o2recon.mesh import mesh as meshing
from o2recon.mesh.chunks import InChunks
from o2recon.mesh.color import vertex_colors
from o2recon.mesh.marching import extract
from o2recon.types import ObjectFrame

FRAME = ObjectFrame(np.zeros(3), np.eye(3), np.full(3, 0.6))
SHORT = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def ball(points: torch.Tensor) -> torch.Tensor:
    return points.norm(dim=1) - 0.4


def limited(function: Callable[..., torch.Tensor], most: int, seen: list[int]) -> Callable[..., torch.Tensor]:
    """As if memory held `most` rows."""

    def called(*inputs: torch.Tensor) -> torch.Tensor:
        seen.append(len(inputs[0]))
        if seen[-1] > most:
            raise SHORT
        return function(*inputs)

    return called


def test_parts_are_halved_and_stay_so(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []
    asked = InChunks(limited(ball, 600, seen), chunk=2048)
    points = torch.randn(3000, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat(asked(points)), ball(points))
    assert seen == [2048, 1024, 512, 512, 512, 512, 512, 440]
    assert len(caplog.records) == 2 and "512 points" in caplog.text
    asked(points[:600])
    assert seen[-2:] == [512, 88]


def test_it_is_given_up_when_hundreds_are_too_many() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        InChunks(limited(ball, 100, []), chunk=2048)(torch.zeros(3000, 3))


def test_other_errors_pass() -> None:
    def broken(points: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        InChunks(broken, chunk=2048)(torch.zeros(3000, 3))


def test_the_mesh_and_its_colors_do_not_depend_on_the_parts() -> None:
    whole = extract(ball, FRAME, spacing_m=0.05, chunk=65536)
    seen: list[int] = []
    parts = extract(limited(ball, 1000, seen), FRAME, spacing_m=0.05, chunk=65536)
    assert max(seen) > 1000 and np.array_equal(whole.vertices, parts.vertices)
    assert np.array_equal(whole.faces, parts.faces)

    def color(points: torch.Tensor, normals: torch.Tensor) -> torch.Tensor:
        return (points + 1) / 2

    told = [vertex_colors(whole, f, FRAME, chunk=65536) for f in (color, limited(color, 500, []))]
    assert np.array_equal(*told)


def test_a_grid_that_a_gpu_does_not_hold_is_put_together_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    devices: list[str] = []

    def extracted(sdf: Any, frame: ObjectFrame, *, device: str = "cpu", **_: Any) -> trimesh.Trimesh:
        devices.append(device)
        if device != "cpu":
            raise SHORT
        return trimesh.creation.icosphere()

    monkeypatch.setattr(meshing, "extract", extracted)
    mesher = object.__new__(meshing.Mesher)
    mesher.sampling = {}
    with caplog.at_level(logging.WARNING):
        mesher._extracted(ball, FRAME, 0.01, "cuda:0")
    assert devices == ["cuda:0", "cpu"] and "put together on the CPU" in caplog.text
    monkeypatch.setattr(meshing, "extract", lambda *_, **__: (_ for _ in ()).throw(SHORT))
    with pytest.raises(torch.OutOfMemoryError):
        mesher._extracted(ball, FRAME, 0.01, "cpu")
