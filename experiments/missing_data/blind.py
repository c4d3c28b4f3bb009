"""Takes the depth out of a capture that `o2recon convert convert=nerfstudio` wrote, and may give it sparse points.

    python blind.py CAPTURE OUT --scan SCAN --points 7000 --noise 0.005

`SCAN`: the same capture in ScanNet's layout, from whose depth the points are sampled; 0 points: none.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import trimesh

from o2recon.cameras import pixel_centers, unproject
from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.scene import Scene


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("capture", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scan", required=True)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--noise", type=float, default=0.005, help="metres")
    asked = parser.parse_args()
    shutil.copytree(asked.capture, asked.out)
    shutil.rmtree(asked.out / "depth")
    file = asked.out / "transforms.json"
    content = json.loads(file.read_text())
    for frame in content["frames"]:
        del frame["depth_file_path"]
    if asked.points:
        scene: Scene = build(composed("run", (f"scene.root={asked.scan}",)).scene)
        trimesh.PointCloud(sampled(scene, asked.points, asked.noise)).export(asked.out / "sparse.ply")
        content["ply_file_path"] = "sparse.ply"
    file.write_text(json.dumps(content))


def sampled(scene: Scene, count: int, noise: float) -> np.ndarray:
    """World points that some frame measured, with Gaussian noise in metres."""
    generator, found = np.random.default_rng(0), []
    for frame in scene.frames():
        row, column = np.nonzero(frame.depth > 0)
        k = generator.choice(len(row), count // len(scene.indices), replace=False)
        at = pixel_centers(frame.camera)[row[k], column[k]]
        found.append(unproject(frame.camera, frame.camera_to_world, at, frame.depth[row[k], column[k]].astype(float)))
    points = np.concatenate(found)
    return np.asarray(points + generator.normal(0, noise, points.shape))


if __name__ == "__main__":
    main()
