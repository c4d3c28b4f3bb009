"""The stage from a field to files."""

import json
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import trimesh
import yaml
from sphere_scene import sphere_scene

import o2recon.conf as conf
from o2recon.mesh import Mesher, read_evidence, read_mesh
from o2recon.types import ObjectView


@pytest.fixture
def mesher() -> Mesher:
    from pathlib import Path

    content = yaml.safe_load((Path(conf.__path__[0]) / "mesh" / "marching_cubes.yaml").read_text())
    content.pop("_target_")
    return Mesher(**content | {"spacing_m": 0.02, "render_size": 48, "azimuths": [0, 90]})


def test_a_field_becomes_the_promised_files(mesher, tmp_path):
    scene = sphere_scene(num_views=4, size=64)
    folder = scene.write(tmp_path / "work")
    radius = scene.radius / scene.frame.scale

    def sdf(points: torch.Tensor) -> torch.Tensor:
        return torch.minimum(points.norm(dim=-1) - radius, (points - 0.45).norm(dim=-1) - 0.02)

    result = mesher(sdf, lambda points, normals: normals * 0.5 + 0.5, folder, tmp_path / "out")
    files = {str(f.relative_to(tmp_path / "out")) for f in (tmp_path / "out").rglob("*") if f.is_file()}
    looks = {f"renders/{look}_{a}.png" for look in ("clay", "color", "evidence") for a in (0, 90)}
    assert files == {"mesh.ply", "mesh.glb", "mesh_visible.ply"} | looks
    json.dumps([result.summary, result.shares], allow_nan=False)
    assert result.summary["watertight"] and result.summary["components"] == 1
    assert result.summary["volume_m3"] == pytest.approx(4 / 3 * np.pi * scene.radius**3, rel=0.02)
    assert result.shares["seen"] > 0.4 and sum(result.shares.values()) == pytest.approx(1)
    visible = read_mesh(tmp_path / "out" / "mesh_visible.ply")
    assert 0.3 < len(visible.faces) / result.summary["faces"] < 1
    assert read_evidence(tmp_path / "out" / "mesh_visible.ply") is not None


def test_an_empty_field_writes_nothing(mesher, tmp_path):
    folder = sphere_scene(num_views=1).write(tmp_path / "work")
    with pytest.raises(ValueError, match="vanished"):
        mesher(lambda p: p[:, 0] * 0 + 1, None, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_view_is_held_at_a_time(mesher, tmp_path):
    """Of a large capture a view takes some hundred megabytes."""
    folder = sphere_scene(num_views=4, size=64).write(tmp_path / "work")
    seen: list[weakref.ref[ObjectView]] = []

    def views() -> Iterator[ObjectView]:
        for record in folder.read_record().views:
            assert sum(view() is not None for view in seen) <= 1
            view = folder.read_view(record)
            seen.append(weakref.ref(view))
            yield view

    ball = trimesh.creation.icosphere(radius=sphere_scene().radius)
    mesher.finish(ball, None, views(), tmp_path / "out", clean=True)
    assert len(seen) == 4
