"""Plants faults into scans, runs the pipeline on them with and without the remedy, and scores against the clean scan.

    python measure.py SCAN... --objects ID... [--faults clean drift wide narrow color] [--out FOLDER] [--table]
                      [--keep NAME...] [-- OVERRIDE...]

One object of each scan; `o2recon run experiment=quick` on the CPU, finished runs are skipped. Writes OUT/runs.csv and
OUT/table.md. Where the scan has closed true meshes these are the measure; everywhere, the depth that the CLEAN scan
has in the views which the run kept apart, on the object's clean mask there. `--table`: only what is there already;
`--keep`: scans of other calls whose rows of runs.csv stay.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from faults import REMEDIES, planted
from scipy.spatial import cKDTree

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.evaluate import load_truth, score
from o2recon.mesh.raycast import Caster
from o2recon.scene import Scene
from o2recon.workspace import ObjectFolder

PARTS = {
    "chamfer_cm": ("complete", "chamfer_cm"),
    "f_2cm": ("complete", "f_score_2cm"),
    "hidden_f_5cm": ("hidden", "f_score_5cm"),
    "iou": ("complete", "iou"),
}
COLUMNS = ("scan", "object", "fault", "remedy", *PARTS, "placed_chamfer_cm", "depth_cm", "covered", "beside", "seconds")
TITLES = ("object", "fault", "remedy", "Chamfer cm", "F 2 cm", "hidden F 5 cm", "IoU")
TITLES = (*TITLES, "Chamfer cm once put in place", "clean depth cm", "covered", "beside")
ON = 0.02
"""Metres behind a surface within which the mesh still lies on it."""


def run(asked: argparse.Namespace, scan: Path, object_id: int, study: str, overrides: list[str]) -> None:
    """One object of one planted scan with one remedy."""
    command = [sys.executable, "-m", "o2recon.cli.main", "run", f"scene.root={scan}", f"object={object_id}"]
    command += ["experiment=quick", "masks=carve", "baselines=[]", "reports=false", "device=cpu", f"study={study}"]
    command += [f"work={asked.work / study}", f"outputs={asked.outputs}", *overrides, *asked.overrides]
    print("$", *command[3:], flush=True)
    subprocess.run(command, check=True)


def placed(mesh: trimesh.Trimesh, truth: np.ndarray) -> trimesh.Trimesh:
    """The mesh moved rigidly to where it fits the true points best: what drift did to its shape, not to its place."""
    generator, moved = np.random.default_rng(0), mesh.copy()
    target = truth[generator.choice(len(truth), 20_000)]
    tree = cKDTree(target)
    for _ in range(30):
        points = moved.sample(20_000, seed=0)
        nearest = target[tree.query(points)[1]]
        back = points[cKDTree(points).query(target)[1]]
        source, wanted = np.concatenate([points, back]), np.concatenate([nearest, target])
        close = np.linalg.norm(source - wanted, axis=1) < 0.05
        a, b = source[close].mean(0), wanted[close].mean(0)
        u, _, v = np.linalg.svd((source[close] - a).T @ (wanted[close] - b))
        turn = v.T @ np.diag([1, 1, np.linalg.det(v.T @ u.T)]) @ u.T
        step = np.eye(4)
        step[:3, :3], step[:3, 3] = turn, b - turn @ a
        moved.apply_transform(step)
    return moved


def held_out(mesh: trimesh.Trimesh, clean: Scene, object_id: int, views: list[int]) -> dict[str, float]:
    """Median |z - clean depth| in cm over the object's clean masks; the share of these that the mesh covers; and the
    mesh's pixels beside them, on or before what the clean scan saw there, as a share of the masks."""
    caster, off, covered, beside, pixels = Caster(mesh), [], 0, 0, 0
    for index in views:
        frame = clean.frame(index)
        z, face = caster.depth_image(frame.camera, frame.camera_to_world)
        mask = (frame.instance == object_id) & (frame.depth > 0)
        shown = mask & (face >= 0)
        off.append(np.abs(z[shown] - frame.depth[shown]))
        wrong = (face >= 0) & (frame.instance != object_id) & (frame.depth > 0) & (z < frame.depth + ON)
        covered, beside, pixels = covered + int(shown.sum()), beside + int(wrong.sum()), pixels + int(mask.sum())
    depth_cm = 100 * float(np.median(np.concatenate(off)))
    return {"depth_cm": depth_cm, "covered": covered / max(pixels, 1), "beside": beside / max(pixels, 1)}


def row(asked: argparse.Namespace, scan: Path, object_id: int, name: str, remedy: str) -> dict[str, Any]:
    """Scores of one finished run."""
    out = asked.outputs / remedy / "quick" / "none" / name / str(object_id) / "seed_0"
    result, mesh = json.loads((out / "result.json").read_text()), trimesh.load_mesh(out / "mesh.ply")
    clean: Scene = build(composed("run", (f"scene.root={scan}",)).scene)
    record = ObjectFolder(asked.work / remedy / name / "objects" / str(object_id)).read_record()
    views = [v.index for v in record.views if v.held_out]
    values: dict[str, Any] = {k: (result["metrics"].get(p) or {}).get(m) for k, (p, m) in PARTS.items()}
    truth = load_truth(clean.groundtruth, object_id) if clean.groundtruth else None
    if truth is not None and not truth.observed_only:
        values["placed_chamfer_cm"] = score(placed(mesh, truth.points), truth)["complete"]["chamfer_cm"]
    else:
        values = dict.fromkeys([*PARTS, "placed_chamfer_cm"])
    seconds = sum(value for stage, value in result["seconds"].items() if stage != "evaluate")
    return values | held_out(mesh, clean, object_id, views) | {"seconds": round(seconds)}


def table(rows: list[dict[str, str]]) -> str:
    """Markdown, a line per run."""
    lines = ["| " + " | ".join(TITLES) + " |", "| --- | --- | --- |" + " ---: |" * (len(TITLES) - 3)]
    for r in rows:
        numbers = [r[k] for k in (*PARTS, "placed_chamfer_cm", "depth_cm", "covered", "beside")]
        cells = [f"{r['scan']} {r['object']}", r["fault"], r["remedy"]]
        cells += [f"{float(x):.{2 if k in (0, 4, 5) else 3}f}" if x else "" for k, x in enumerate(numbers)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("--objects", type=int, nargs="+", required=True, help="one of each scan")
    parser.add_argument("--faults", nargs="+", choices=sorted(REMEDIES), default=sorted(REMEDIES))
    parser.add_argument("--planted", type=Path, default=Path("planted"))
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--outputs", type=Path, default=Path("outputs"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--keep", nargs="*", default=[])
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    asked = parser.parse_args(arguments[:cut])
    asked.overrides = arguments[cut + 1 :]
    return asked


def main() -> None:
    asked, file = options(), options().out / "runs.csv"
    rows: list[dict[str, str]] = []
    if file.is_file():
        rows = [r for r in csv.DictReader(file.read_text().splitlines()) if r["scan"] in asked.keep]
    for scan, object_id in zip(asked.scans, asked.objects, strict=True):
        for fault in asked.faults:
            where = planted(scan, fault, asked.planted)
            for remedy, overrides in REMEDIES[fault].items():
                if not asked.table:
                    run(asked, where, object_id, remedy, overrides)
                if (asked.outputs / remedy / "quick/none" / where.name / str(object_id)).is_dir():
                    about = {"scan": scan.name, "object": object_id, "fault": fault, "remedy": remedy}
                    found = about | row(asked, scan, object_id, where.name, remedy)
                    rows.append({k: f"{v:.4g}" if isinstance(v, float) else str(v or "") for k, v in found.items()})
                    print(rows[-1], flush=True)
    with open(file, "w", newline="") as target:
        writer = csv.DictWriter(target, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    (asked.out / "table.md").write_text(table(rows))


if __name__ == "__main__":
    main()
