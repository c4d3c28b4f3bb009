"""How far a field's surface is from the truth, quickly enough to ask during training.

usage: python accuracy.py OUT.csv TRUTH FOLDER CHECKPOINT [FOLDER CHECKPOINT]...     such as quick.csv

TRUTH: folder of scenes, each with `groundtruth/<id>.ply` and `<id>_points.npz`. FOLDER: the prepared object.
"""

import csv
import sys
import time
from pathlib import Path

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from scipy.spatial import KDTree
from torch import nn

from o2recon.evaluate.sampling import sample_surface
from o2recon.evaluate.truth import find_truth
from o2recon.mesh.clean import kept_faces, split
from o2recon.mesh.marching import extract
from o2recon.train import load_field
from o2recon.workspace import ObjectFolder

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MIN_PIECE = 0.005
"""Share of the largest piece's area under which a piece is taken for a floater."""


class Accuracy:
    """Centimetres and F-scores of a field's mesh, as `o2recon evaluate` defines them, from `count` samples.

    Against an observed point set (`kitchen_a`) there is only completeness and recall.
    """

    def __init__(self, folder: ObjectFolder, truths: Path, *, count: int = 200_000) -> None:
        record = folder.read_record()
        self.frame, self.count = record.frame, count
        self.truth = find_truth(truths / record.scene / "groundtruth", record.object)
        if self.truth is not None:
            self.tree = KDTree(self.truth.points)
            seen = self.truth.seen
            self.seen = None if seen is None or seen.all() else seen

    def __call__(self, field: nn.Module, *, resolution: int) -> dict[str, float]:
        """`mesh_s` and the distances; a field without a surface has only the F-scores, 0."""
        start = time.perf_counter()
        try:
            mesh = field_mesh(field, self.frame, resolution)
        except ValueError:
            return {"f1": 0.0, "f2": 0.0}
        result = {"mesh_s": time.perf_counter() - start}
        return result if self.truth is None else result | self.of_mesh(mesh)

    def of_mesh(self, mesh: trimesh.Trimesh) -> dict[str, float]:
        assert self.truth is not None
        found = sample_surface(without_floaters(mesh), count=self.count, seed=0).points
        to_truth, which = self.tree.query(found, workers=-1)
        to_field, _ = KDTree(found).query(self.truth.points, workers=-1)
        if self.truth.mesh is None:
            return {"completeness_cm": 100 * float(to_field.mean())} | {
                f"recall{cm}": float((to_field < cm / 100).mean()) for cm in (1, 2)
            }
        result = _values("", to_truth, to_field)
        if self.seen is not None:
            result |= _values("hidden_", to_truth[~self.seen[which]], to_field[~self.seen])
            result |= _values("visible_", to_truth[self.seen[which]], to_field[self.seen])
        return result


def field_mesh(field: nn.Module, frame, resolution: int) -> trimesh.Trimesh:  # type: ignore[no-untyped-def]
    chunk = 2**20 if DEVICE == "cuda" else 2**16
    return extract(field.sdf, frame, resolution=resolution, chunk=chunk, device=DEVICE)  # type: ignore[arg-type]


def without_floaters(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    pieces = split(mesh)
    keep = (pieces.area >= MIN_PIECE * pieces.area.max()) & (pieces.volume > 0)
    return kept_faces(mesh, keep[pieces.label])


def _values(
    part: str, accuracy: Float[np.ndarray, "found"], completeness: Float[np.ndarray, "true"]
) -> dict[str, float]:
    result = {f"{part}chamfer_cm": 50 * float(accuracy.mean() + completeness.mean())}
    for cm in (1, 2):
        precision, recall = (float((d < cm / 100).mean()) for d in (accuracy, completeness))
        result[f"{part}f{cm}"] = 2 * precision * recall / max(precision + recall, 1e-9)
    return result


def main() -> None:
    rows = []
    for path, checkpoint in zip(sys.argv[3::2], sys.argv[4::2], strict=True):
        folder = ObjectFolder(Path(path))
        record = folder.read_record()
        found = Accuracy(folder, Path(sys.argv[2]))(load_field(Path(checkpoint)).to(DEVICE), resolution=512)
        rows.append({"scene": record.scene, "object": record.object, **{k: f"{v:.5g}" for k, v in found.items()}})
        print(rows[-1], flush=True)
    with open(sys.argv[1], "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
