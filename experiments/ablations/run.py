"""The ablation table: every ablation on the same objects, and what each of them costs in accuracy.

usage: python run.py --scenes SCAN... [--objects ID,...|all] [--ablations NAME,...] [--seeds N,...] [--study NAME]
                     [--experiment NAME] [--out FOLDER] [--table] [-- OVERRIDE...]

Runs the sweep of sweep.yaml twice, for the whole method (ablation none) and then for all the others (finished runs are
skipped, so that it can be started again), and writes OUT/runs.csv (a row per run) and OUT/table.md. Prepared stages
that an ablation does not change are taken from the whole method's. An ablation that cannot run, for want of weights,
gets the row "not run" with the reason. `--table`: only the table, of what is there. The others are compared with
ablation none, which therefore comes first. Overrides may name a launcher (hydra/launcher=ray).
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hydra import compose, initialize_config_module

from o2recon.sweep import latest_sweep

FILE = Path(__file__).with_name("sweep.yaml")
STUDY = yaml.safe_load(FILE.read_text())
PARTS = {
    "chamfer_cm": ("complete", "chamfer_cm"),
    "f_2cm": ("complete", "f_score_2cm"),
    "visible_f_2cm": ("visible", "f_score_2cm"),
    "hidden_chamfer_cm": ("hidden", "chamfer_cm"),
    "hidden_f_2cm": ("hidden", "f_score_2cm"),
    "hidden_f_5cm": ("hidden", "f_score_5cm"),
    "iou": ("complete", "iou"),
}
COLUMNS = ("scene", "object", "category", "ablation", "seed", "status", *PARTS, "psnr_db", "train_s", "semantic")
SEMANTIC = ("no_semantic", "paper_no_semantic")


def reason_not_to_run(ablation: str, results: list[dict[str, Any]]) -> str | None:
    """Why an ablation would be the whole method once more; None when it would not."""
    whole = [r for r in results if r["ablation"] == "none" and r["status"] == "ok"]
    if ablation in SEMANTIC and whole and all(r.get("semantic") is None for r in whole):
        return "the whole method ran without the semantic loss: no CLIP weights, or no GPU"
    return None


def share_preparation(given: argparse.Namespace, scan: Path, ablation: str) -> None:
    """Stages that the ablation does not change are current in a copy of the whole method's folder."""
    base, prepared = (_prepared(given, name) for name in ("none", ablation))
    for folder in sorted((given.work / scan.name / base).glob("[0-9]*")):
        copy = given.work / scan.name / prepared / folder.name
        if prepared != base and not copy.exists():
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".lock"))


def _prepared(given: argparse.Namespace, ablation: str) -> str:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", ["stage=run", f"experiment={given.experiment}", f"ablation={ablation}"])
    return str(config.prepared)


def sweep(given: argparse.Namespace, ablations: list[str]) -> dict[str, str]:
    """All scans and seeds of some ablations; of those of which a job failed, why."""
    for scan in given.scenes:
        for ablation in ablations:
            share_preparation(given, scan, ablation)
    lists = {"scene.root": given.scenes, "ablation": ablations, "seed": given.seeds}
    command = [sys.executable, "-m", "o2recon", "run", "-m", f"sweep.file={FILE}", f"object={given.objects}"]
    command += [f"{key}={','.join(map(str, values))}" for key, values in lists.items()]
    command += [f"experiment={given.experiment}", f"study={given.study}", f"work={given.work}"]
    command += [f"outputs={given.outputs}", *given.overrides]
    print("$", *command[2:], flush=True)
    subprocess.run(command)
    journal = latest_sweep(given.outputs / given.study)
    if journal is None:
        return {}
    jobs = journal.jobs()
    return {jobs[i].ablation: record.reason for i, record in journal.records().items() if record.reason}


def run_all(given: argparse.Namespace) -> dict[str, str]:
    """Every ablation; reasons of those that could not run. The whole method comes first."""
    refused: dict[str, str] = {}
    for several in (["none"], [a for a in given.ablations if a != "none"]):
        wanted = [a for a in several if a in given.ablations and not reason_not_to_run(a, collect(given))]
        refused |= sweep(given, wanted) if wanted else {}
    return refused


def collect(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Every result of the study's experiment."""
    root = given.outputs / given.study / given.experiment
    found = [json.loads(file.read_text()) for file in sorted(root.glob("*/*/*/seed_*/result.json"))]
    return [r for r in found if not given.ablations or r["ablation"] in given.ablations]


def row(result: dict[str, Any]) -> dict[str, Any]:
    metrics = result.get("metrics") or {}
    values = {name: (metrics.get(part) or {}).get(key) for name, (part, key) in PARTS.items()}
    about = {key: result.get(key) for key in ("scene", "object", "category", "ablation", "seed", "status", "semantic")}
    train_s = (result.get("seconds") or {}).get("train")
    return {**about, **values, "psnr_db": (result.get("verdict") or {}).get("psnr_db"), "train_s": train_s}


def mean(rows: list[dict[str, Any]], key: str) -> float:
    values = [r[key] for r in rows if r[key] is not None]
    return float(np.mean(values)) if values else float("nan")


def noise(rows: list[dict[str, Any]], key: str) -> tuple[float, int]:
    """Standard deviation over the seeds of the object that has most of them, whole method; how many."""
    whole: dict[tuple, list[float]] = {}
    for r in rows:
        if r["ablation"] == "none" and r[key] is not None:
            whole.setdefault((r["scene"], r["object"]), []).append(r[key])
    values = max(whole.values(), key=len, default=[])
    return (float(np.std(values, ddof=1)), len(values)) if len(values) > 1 else (float("nan"), len(values))


def table(rows: list[dict[str, Any]], ablations: tuple[str, ...], refused: dict[str, str]) -> str:
    """Markdown: means over the objects that an ablation and the whole method both finished, seed by seed the first."""
    first = min((r["seed"] for r in rows), default=0)
    by = {(r["scene"], r["object"], r["ablation"]): r for r in rows if r["seed"] == first and r["status"] == "ok"}
    head = ["ablation", "objects", *PARTS, "hidden F 2 cm, whole minus this"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for ablation in ablations:
        here = [(by[s, o, a], by[s, o, "none"]) for s, o, a in by if a == ablation and (s, o, "none") in by]
        if not here:
            reason = refused.get(ablation, "nothing finished")
            lines.append(f"| {ablation} | not run: {reason} |" + " |" * (len(head) - 2))
            continue
        ours, key = [mine for mine, _ in here], "hidden_f_2cm"
        gains = [whole[key] - mine[key] for mine, whole in here if None not in (mine[key], whole[key])]
        better = sum(gain > 0 for gain in gains)
        said = "" if ablation == "none" else f"{np.mean(gains):+.3f} ({better} of {len(gains)} objects lose)"
        values = [f"{mean(ours, key):.3f}" for key in PARTS]
        lines.append(f"| {ablation} | {len(here)} | " + " | ".join(values) + f" | {said} |")
    deviations = [noise(rows, key) for key in PARTS]
    lines.append(
        f"| seed noise: deviation of {deviations[0][1]} seeds of one object | 1 | "
        + " | ".join(f"{value:.3f}" for value, _ in deviations) + " | |"
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, nargs="+", default=[])
    parser.add_argument("--objects", default="all", help="of every scan")
    parser.add_argument("--ablations", type=lambda text: tuple(text.split(",")), default=tuple(STUDY["ablation"]))
    parser.add_argument("--seeds", type=lambda text: text.split(","), default=[STUDY["seed"]])
    parser.add_argument("--study", default="ablations")
    parser.add_argument("--experiment", default=STUDY["experiment"])
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--outputs", type=Path, default=Path("outputs"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("overrides", nargs="*", default=[], help="after --: for every run, and of the launcher")
    return parser.parse_args()


def main() -> None:
    given = options()
    refused = {} if given.table else run_all(given)
    results = collect(given)
    for ablation in given.ablations:
        if reason := reason_not_to_run(ablation, results):
            refused.setdefault(ablation, reason)
    rows = [row(r) for r in results]
    given.out.mkdir(parents=True, exist_ok=True)
    with open(given.out / "runs.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in r.items()} for r in rows)
    text = table(rows, given.ablations, refused)
    (given.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
