"""The same command, seed and machine: the same files, bit for bit, from processes that share nothing but the scan."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from reliability.kills import OVERRIDES, contents, different
from reliability.moments import OUT

THREADS = {"OMP_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "4", "OMP_WAIT_POLICY": "passive"}


def run(folder: Path, room: Path, *overrides: str) -> dict[str, str]:
    """File -> hash; prepared data, weights, meshes, metrics and results."""
    places = [f"scene.root={room}", f"work={folder / 'work'}", f"outputs={folder / 'outputs'}", "reports=false"]
    command = [sys.executable, "-m", "o2recon.cli.main", "run", *OVERRIDES, *places, *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **THREADS})
    return contents(folder)


@pytest.mark.slow
def test_two_runs_are_equal_in_every_file_with_any_number_of_threads(tiny_room: Path, tmp_path: Path) -> None:
    first, second = run(tmp_path / "first", tiny_room), run(tmp_path / "second", tiny_room)
    assert different(first, second) == []
    names = ("mesh.ply", "mesh.glb", "mesh_visible.ply", "metrics.csv", "result.json", "checkpoints/last.ckpt")
    wanted = {f"{OUT}/{number}/seed_0/{name}" for number in (1, 2) for name in names}
    prepared = {f"work/tiny/objects/{number}/hull.npz" for number in (1, 2)}
    assert wanted | prepared <= first.keys() and len(first) > 100
    other = run(tmp_path / "second", tiny_room, "seed=1", "object=2")
    mesh = f"{OUT}/2/seed_{{}}/mesh.ply"
    assert other[mesh.format(1)] != first[mesh.format(0)]  # the comparison can fail
    result = json.loads((tmp_path / "second" / OUT / "2/seed_1/result.json").read_text())
    assert result["seed"] == 1 and result["status"] == "ok"
