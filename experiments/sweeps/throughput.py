"""Jobs an hour of the same sweep on one GPU, on several, and with GPUs that jobs share.

usage: python throughput.py OUT [--scene SCAN] [--sweeps 2:1,1:1,2:0.5] [--objects N] [--ablations NAME,...]
                            [--seeds 0,...] [--seconds S] [--fake] [OVERRIDE...]

SCAN: a scan in ScanNet layout; without one a furnished room is made in OUT. Its objects are prepared once, and one
short job is run beforehand, so that kernels are compiled. Then, for every GPUS:SHARE of `--sweeps`, a sweep of objects
x ablations x seeds runs with `hydra/launcher=ray` on so many GPUs and as large a share of the cores, every job with
SHARE of a GPU, into a study of its own. OUT/throughput.csv gets a row per sweep; the table is printed after each.
`jobs_per_hour` is by the time from the first job's start to the last one's end, `with_start` by that of the whole
command. `gap_s`: between the end of a job and the start of the next one at the same place, mean and largest.
`--fake`: GPUs that are only counted, for a try on a machine without. No sweep begins after S seconds.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from o2recon.sweep import Journal, Record, latest_sweep

O2RECON = [sys.executable, "-m", "o2recon.cli.main"]
COLUMNS = (
    *("gpus", "share", "cores", "jobs", "ok", "at_once", "wall_s", "span_s", "job_s", "gap_s", "largest_gap_s"),
    *("jobs_per_hour", "with_start", "ratio", "ratio_with_start"),
)


def o2recon(*arguments: str, **environment: str) -> int:
    print(f"$ o2recon {' '.join(arguments)}", flush=True)
    return subprocess.run([*O2RECON, *arguments], env=os.environ | environment, check=False).returncode


def prepared(out: Path, scene: Path | None, few: list[str], number: int) -> tuple[Path, list[str]]:
    """The scan and its first `number` prepared objects."""
    if scene is None:
        scene = out / "room"
        if not (scene / "groundtruth").is_dir() and o2recon("synth", f"room={scene}"):
            raise SystemExit("no room was made")
    places = [f"scene.root={scene}", f"work={out / 'work'}", f"outputs={out / 'outputs'}", "masks=carve"]
    o2recon("prepare", *places, "object=all", *(f for f in few if f.startswith("device=")))
    found = (out / "work" / scene.name / "objects").glob("*/cues/manifest.json")
    objects = sorted((f.parents[1].name for f in found), key=int)[:number]
    warm = ["study=warm", f"object={objects[0]}", "train.num_steps=100", "train.validate_every=100", "reports=false"]
    o2recon("run", *places, "baselines=[]", *few, *warm)
    return scene, objects


def swept(out: Path, gpus: int, share: float, given: argparse.Namespace, jobs: list[str]) -> dict[str, Any]:
    """One sweep; its row."""
    cores = max((os.cpu_count() or 1) * gpus // max(count for count, _ in given.sweeps), 1)
    study = f"gpus_{gpus}_share_{share:g}".replace(".", "_")
    ray = [f"hydra.launcher.ray.init.num_gpus={gpus}", f"hydra.launcher.ray.init.num_cpus={cores}"]
    ray += [f"hydra.launcher.ray.remote.num_gpus={share:g}"]
    visible = {} if given.fake else {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(gpus)))}
    began = time.perf_counter()
    o2recon("run", "-m", *jobs, f"study={study}", "hydra/launcher=ray", *ray, **visible)
    wall = time.perf_counter() - began
    journal = latest_sweep(out / "outputs" / study)
    return {"gpus": gpus, "share": share, "cores": cores, "wall_s": wall} | (row_of(journal) if journal else {})


def row_of(journal: Journal) -> dict[str, Any]:
    records = [r for r in journal.records().values() if r.ended]
    fine = [r for r in records if r.state == "ok"]
    if not fine:
        return {"jobs": len(journal.jobs()), "ok": 0}
    span = max(r.ended or 0.0 for r in fine) - min(r.started for r in fine)
    gaps = gaps_of(records)
    return {
        "jobs": len(journal.jobs()),
        "ok": len(fine),
        "at_once": at_once(records),
        "span_s": span,
        "job_s": statistics.fmean((r.ended or 0.0) - r.started for r in fine),
        "gap_s": statistics.fmean(gaps) if gaps else None,
        "largest_gap_s": max(gaps, default=None),
        "jobs_per_hour": 3600 * len(fine) / span,
    }


def at_once(records: list[Record]) -> int:
    """The largest number of jobs that ran at the same time."""
    return max(sum(r.started <= one.started < (r.ended or 0.0) for r in records) for one in records)


def gaps_of(records: list[Record]) -> list[float]:
    """Seconds between an end and the next start at the same place: jobs take the place that was free first."""
    ends: list[float] = []
    gaps = []
    for record in sorted(records, key=lambda r: r.started):
        free = [end for end in ends if end <= record.started]
        if free:
            gaps.append(record.started - min(free))
            ends.remove(min(free))
        ends.append(record.ended or 0.0)
    return gaps


def compared(rows: list[dict[str, Any]]) -> None:
    """Ratios to the sweep on one GPU, one job a GPU."""
    for row in rows:
        row["with_start"] = 3600 * row.get("ok", 0) / row["wall_s"]
    one = next((r for r in rows if r["gpus"] == 1 and r["share"] == 1 and r.get("ok")), None)
    for row in rows if one else ():
        assert one is not None
        row["ratio"] = row.get("jobs_per_hour", 0.0) / one["jobs_per_hour"]
        row["ratio_with_start"] = row["with_start"] / one["with_start"]


def shown(rows: list[dict[str, Any]]) -> None:
    cells = [list(COLUMNS)] + [
        [f"{v:.4g}" if isinstance(v := row.get(name), float) else "" if v is None else str(v) for name in COLUMNS]
        for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    print("\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells), flush=True)


def sweeps(text: str) -> list[tuple[int, float]]:
    pairs = [word.partition(":") for word in text.split(",")]
    return [(int(gpus), float(share or 1)) for gpus, _, share in pairs]


def options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--sweeps", type=sweeps, default=sweeps("2:1,1:1,2:0.5"))
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--ablations", default="none,no_normal,no_depth,no_mask")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--fake", action="store_true")
    return parser.parse_known_args()


def main() -> None:
    given, overrides = options()
    began, out, rows = time.perf_counter(), given.out.absolute(), []
    few = ["device=cpu" if given.fake else "device=cuda", *overrides]
    if not any(o.startswith("experiment=") for o in few):
        few.append("experiment=fast")
    scene, objects = prepared(out, given.scene, few, given.objects)
    jobs = [f"scene.root={scene}", f"work={out / 'work'}", f"outputs={out / 'outputs'}", "masks=carve", "baselines=[]"]
    jobs += [f"object={','.join(objects)}", f"ablation={given.ablations}", f"seed={given.seeds}", "reports=false", *few]
    print(f"== {time.perf_counter() - began:.0f} s: {len(objects)} objects are prepared", flush=True)
    for gpus, share in given.sweeps:
        if time.perf_counter() - began > given.seconds:
            break
        rows.append(swept(out, gpus, share, given, jobs))
        compared(rows)
        print(f"== {time.perf_counter() - began:.0f} s")
        shown(rows)
        with open(out / "throughput.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in r.items()} for r in rows)


if __name__ == "__main__":
    main()
