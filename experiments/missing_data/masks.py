"""IoU of masks from boxes with the true masks of a synthetic scan.

    python masks.py SCAN --larger 0.04 --skip 4 [instances.closing_px=2 ...]

Writes boxes.json (true boxes, `larger` metres longer on every side) into the current folder.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import trimesh

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.scene import Scene
from o2recon.transforms import box_of


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scan", type=Path)
    parser.add_argument("--larger", type=float, default=0.04)
    parser.add_argument("--skip", type=int, default=4)
    asked, overrides = parser.parse_known_args()
    rows = boxes(asked.scan, asked.larger)
    Path("boxes.json").write_text(json.dumps(rows, indent=1))
    given = (f"scene.root={asked.scan}", f"scene.frame_skip={asked.skip}", "instances=boxes", *overrides)
    config = composed("run", (*given, "instances.boxes=boxes.json"))
    scene: Scene = build(config.scene)
    with tempfile.TemporaryDirectory() as folder:
        made: Scene = build(config.instances)(scene, Path(folder), device="cpu")
        counts = {row["id"]: np.zeros(3, int) for row in rows}
        for index in scene.indices:
            true, found = scene.instance(index), made.instance(index)
            for number, sums in counts.items():
                a, b = true == number, found == number
                sums += [(a & b).sum(), a.sum(), b.sum()]
    print("object,category,iou,recall,precision")
    for row in rows:
        both, true_pixels, found_pixels = counts[row["id"]]
        values = (both / (true_pixels + found_pixels - both), both / true_pixels, both / max(found_pixels, 1))
        print(f"{row['id']},{row['category']}," + ",".join(f"{v:.3f}" for v in values))


def boxes(scan: Path, larger: float) -> list[dict[str, object]]:
    """The true objects' upright boxes."""
    rows = []
    for known in json.loads((scan / "instances.json").read_text()):
        mesh = trimesh.load(scan / "groundtruth" / f"{known['instance']}.ply")
        box = box_of(np.asarray(mesh.vertices))
        yaw = float(np.degrees(np.arctan2(box.rotation[1, 0], box.rotation[0, 0])))
        size = (2 * box.half_extents + larger).tolist()
        rows.append(
            {
                "id": known["instance"],
                "category": known["category"],
                "center": box.center.tolist(),
                "size": size,
                "yaw": yaw,
            }
        )
    return rows


if __name__ == "__main__":
    main()
