"""Scores the completed volume as it is, before any training: python volume_only.py WORK/SCENE SCENE_ROOT/groundtruth"""

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import map_coordinates
from torch import Tensor

from o2recon.evaluate import load_truth, score
from o2recon.mesh import extract, remove_floaters
from o2recon.transforms import object_to_world, world_to_voxel
from o2recon.workspace import ObjectFolder

NAMES = ("chamfer_cm", "f_score_5cm", "f_score_2cm", "iou")


def score_volume(folder: ObjectFolder, groundtruth: Path) -> dict[str, float]:
    """Chamfer, F-scores and IoU of the mesh of `hull.npz`, meshed and cleaned as the mesh stage does by default."""
    volume = folder.read_volume()
    frame = volume.grid.frame

    def sdf(points: Float[Tensor, "points 3"]) -> Float[Tensor, "points"]:
        voxel = world_to_voxel(volume.grid, object_to_world(frame, points.double().numpy()))
        return torch.from_numpy(map_coordinates(volume.sdf, voxel.T, order=1, mode="nearest") / frame.scale)

    mesh = extract(sdf, frame, spacing_m=0.006)
    mesh = remove_floaters(mesh, min_area_share=0.05, min_evidence_share=0.5, min_evidence_area_share=0.005)
    found = score(mesh, load_truth(groundtruth, int(folder.path.name)))
    row = {name: found["complete"][name] for name in NAMES}
    hidden = {f"hidden_{name}": found["hidden"][name] for name in ("f_score_5cm", "f_score_2cm")}
    return row | {"visible_f_score_2cm": found["visible"]["f_score_2cm"]} | hidden


if __name__ == "__main__":
    work, groundtruth = Path(sys.argv[1]), Path(sys.argv[2])
    rows = []
    for path in sorted((work / "objects").iterdir()):
        rows.append(score_volume(ObjectFolder(path), groundtruth))
        print(path.name, {k: round(v, 3) for k, v in rows[-1].items()}, flush=True)
    print("mean", {k: round(float(np.mean([row[k] for row in rows])), 3) for k in rows[0]})
