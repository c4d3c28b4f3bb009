"""Ground truth of a capture whose own world is not ours: the same files, moved."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float

from o2recon.evaluate.truth import load_truth
from o2recon.files import folder_written_atomically, write_json
from o2recon.mesh.load import load_geometry

NOTES = "moved.json"


def moved_truth(folder: Path, to_world: Float[np.ndarray, "4 4"], target: Path) -> Path:
    """`<id>.ply` and `<id>_points.npz` of `folder`, taken to our world; `folder` itself when that is where they are.

    `to_world` is a rotation, a scale and a shift. The copies are in `target`, made again when the originals or
    `to_world` change. ValueError when a file is damaged.
    """
    if (to_world == np.eye(4)).all():
        return folder
    files = sorted(f for f in folder.iterdir() if (f.stem.isdigit() and f.suffix == ".ply") or _is_points(f))
    stamps = {f.name: [f.stat().st_size, f.stat().st_mtime_ns] for f in files}
    notes = {"from": str(folder.resolve()), "to_world": to_world.tolist(), "files": stamps}
    if _read(target / NOTES) == notes:
        return target
    with folder_written_atomically(target) as temporary:
        for file in files:
            if _is_points(file):
                _move_points(file, to_world, temporary / file.name)
            else:
                geometry = load_geometry(file)
                geometry.apply_transform(to_world)
                geometry.export(temporary / file.name)
        write_json(temporary / NOTES, notes)
    return target


def _is_points(file: Path) -> bool:
    return file.suffix == ".npz" and file.stem.removesuffix("_points").isdigit() and file.stem.endswith("_points")


def _move_points(file: Path, to_world: np.ndarray, target: Path) -> None:
    truth = load_truth(file.parent, int(file.stem.removesuffix("_points")))
    turn = to_world[:3, :3] / np.cbrt(np.linalg.det(to_world[:3, :3]))
    arrays = {"points": truth.points @ to_world[:3, :3].T + to_world[:3, 3]}
    if truth.normals is not None:
        arrays["normals"] = truth.normals @ turn.T
    if truth.seen is not None:
        arrays["seen"] = truth.seen
    np.savez(target, **arrays)  # type: ignore[arg-type]


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None
