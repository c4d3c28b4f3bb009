"""Ten thousand damaged PLY files for each way of reading one: read, or refused in one line that names the file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from fuzzing import fuzz

from o2recon.evaluate.surface import read_points, read_surface
from o2recon.evaluate.truth import load_truth
from o2recon.mesh.evidence import Evidence
from o2recon.mesh.export import read_evidence, read_mesh, write_ply
from o2recon.scene.readers.ply_points import read_ply_points

READERS: dict[str, Callable[[Path], object]] = {
    "mesh": lambda path: read_mesh(path, allow_empty=True),
    "evidence": read_evidence,
    "surface": read_surface,
    "points": read_points,
    "truth": lambda path: load_truth(path.parent, int(path.stem), count=50),
    "sparse points": read_ply_points,
}


def _ours(path: Path) -> None:
    mesh = trimesh.creation.box(extents=(1, 2, 3))
    mesh.visual.vertex_colors = np.tile(np.uint8([10, 20, 30, 255]), (8, 1))
    write_ply(path, mesh, evidence=Evidence(np.linspace(0, 1, 8).astype(np.float32), np.zeros(8, np.uint8)))


def _points(path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    write_ply(path, trimesh.Trimesh(vertices=points, process=False))


def _exported(encoding: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(trimesh.creation.box().export(file_type="ply", encoding=encoding)) and None


FILES = {"ours": _ours, "points": _points, "text": _exported("ascii"), "binary": _exported("binary")}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("file", FILES)
def test_damaged_ply_files(tmp_path: Path, file: str, reader: str) -> None:
    path = tmp_path / "7.ply"
    FILES[file](path)
    done = fuzz(path, lambda: READERS[reader](path), count=2500, named=path)
    assert done["read"] > 50 and done["refused"] > 1000


def test_a_few_damaged_ply_files(tmp_path: Path) -> None:
    path = tmp_path / "7.ply"
    _ours(path)
    done = fuzz(path, lambda: READERS["truth"](path), count=200, named=path)
    assert done["read"] > 5 and done["refused"] > 50
