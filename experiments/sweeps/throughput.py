"""Jobs an hour of the same sweep on one GPU, on several, and with GPUs that jobs share; a call for each part.

usage: python throughput.py prepare OUT [--scene SCAN] [OVERRIDE...]
       python throughput.py sweep OUT [--scene SCAN] [--gpus N] [--jobs-per-gpu K] [--seconds S] [OVERRIDE...]
       python throughput.py show CSV
       of both: [--objects N] [--ablations NAME,...] [--seeds 0,...] [--made-up N]

`prepare`: SCAN is a scan in ScanNet layout; without one a furnished room is made in OUT. Its objects are prepared, and
one short job is run, so that kernels are compiled.
`sweep`: objects x ablations x seeds with `hydra/launcher=ray` on N GPUs (default: all), each shared by K jobs at once
(default 1), with as large a share of the machine's cores as of its GPUs, into a study of its own. OUT/throughput.csv
gets a row more. After S seconds the sweep is interrupted, and the row counts the jobs that have ended.
`show`: the rows of a csv, with the ratio of each to the last row before or after it with one GPU and one job on it.

`jobs_per_hour` is by the time from the first job's start to the last one's end, `with_start` by that of the whole
command. `gap_s`: between the end of a job and the start of the next one at the same place, mean and largest.
`by_device`: jobs that were given each device, as CUDA_VISIBLE_DEVICES of the job's process said.
`--made-up N`: N GPUs that are only counted, and jobs on the CPU, for a try on a machine without.
"""

import argparse
import csv
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from o2recon.sweep import Journal, Record, latest_sweep

O2RECON = [sys.executable, "-m", "o2recon.cli.main"]
COLUMNS = (
    *("date", "device", "gpus", "share", "cores", "jobs", "ok", "at_once", "by_device", "wall_s", "span_s", "job_s"),
    *("gap_s", "largest_gap_s", "jobs_per_hour", "with_start"),
)
RATIOS = ("ratio", "ratio_with_start")


def o2recon(*arguments: str, seconds: float | None = None, **environment: str) -> int:
    """The exit status of a command, which is interrupted after `seconds`."""
    print(f"$ o2recon {' '.join(arguments)}", flush=True)
    process = subprocess.Popen([*O2RECON, *arguments], env=os.environ | environment)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        return process.wait()


def places(given: argparse.Namespace) -> list[str]:
    """The overrides that every command shares."""
    out = given.out.absolute()
    own = [f"scene.root={given.scene or out / 'room'}", f"work={out / 'work'}", f"outputs={out / 'outputs'}"]
    if not any(o.startswith("experiment=") for o in given.overrides):
        own.append("experiment=fast")
    return [*own, f"device={'cpu' if given.made_up else 'cuda'}", "masks=carve", "baselines=[]", *given.overrides]


def objects_of(given: argparse.Namespace) -> list[str]:
    found = (given.out / "work").glob("*/objects/*/cues/manifest.json")
    return sorted((f.parents[1].name for f in found), key=int)[: given.objects]


def prepare(given: argparse.Namespace) -> None:
    room = given.out.absolute() / "room"
    if given.scene is None and not (room / "groundtruth").is_dir() and o2recon("synth", f"room={room}"):
        raise SystemExit("no room was made")
    preparing = [o for o in places(given) if not o.startswith(("baselines=", "experiment=", "train."))]
    o2recon("prepare", *preparing, "object=all")
    warm = ["study=warm", f"object={objects_of(given)[0]}", "train.num_steps=100", "train.validate_every=100"]
    o2recon("run", *places(given), *warm, "reports=false")


def sweep(given: argparse.Namespace) -> None:
    """One sweep, and its row in the csv."""
    there = given.made_up or torch.cuda.device_count()
    gpus, share = given.gpus or there, 1 / given.jobs_per_gpu
    cores = max((os.cpu_count() or 1) * gpus // there, 1)
    study = f"gpus_{gpus}_jobs_{given.jobs_per_gpu}_{time.strftime('%H%M%S')}"
    jobs = [f"object={','.join(objects_of(given))}", f"ablation={given.ablations}", f"seed={given.seeds}"]
    ray = [f"hydra.launcher.ray.init.num_gpus={gpus}", f"hydra.launcher.ray.init.num_cpus={cores}"]
    ray += [f"hydra.launcher.ray.remote.num_gpus={share:.4g}", "hydra/launcher=ray"]
    visible = {} if given.made_up else {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(gpus)))}
    command = ["run", "-m", *places(given), *jobs, "reports=false", f"study={study}", *ray]
    began = time.perf_counter()
    o2recon(*command, seconds=given.seconds, **visible)
    wall = time.perf_counter() - began
    journal = latest_sweep(given.out / "outputs" / study)
    device = "made-up" if given.made_up else torch.cuda.get_device_name()
    row = {"date": time.strftime("%Y-%m-%d"), "device": f"{gpus} x {device}", "gpus": gpus, "share": share}
    row |= {"cores": cores, "wall_s": wall} | (row_of(journal, wall) if journal else {})
    append(given.out / "throughput.csv", row)
    show(given.out / "throughput.csv")


def row_of(journal: Journal, wall: float) -> dict[str, Any]:
    records = [r for r in journal.records().values() if r.ended]
    fine = [r for r in records if r.state == "ok"]
    if not fine:
        return {"jobs": len(journal.jobs()), "ok": 0}
    span = max(r.ended or 0.0 for r in fine) - min(r.started for r in fine)
    gaps = gaps_of(records)
    devices = Counter(r.device or "none" for r in fine)
    return {
        "jobs": len(journal.jobs()),
        "ok": len(fine),
        "at_once": at_once(records),
        "by_device": " ".join(f"{name}:{count}" for name, count in sorted(devices.items())),
        "span_s": span,
        "job_s": statistics.fmean((r.ended or 0.0) - r.started for r in fine),
        "gap_s": statistics.fmean(gaps) if gaps else None,
        "largest_gap_s": max(gaps, default=None),
        "jobs_per_hour": 3600 * len(fine) / span,
        "with_start": 3600 * len(fine) / wall,
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


def append(file: Path, row: dict[str, Any]) -> None:
    is_new = not file.is_file()
    with open(file, "a", newline="") as target:
        writer = csv.DictWriter(target, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})


def show(file: Path) -> None:
    with open(file, newline="") as source:
        rows: list[dict[str, Any]] = list(csv.DictReader(source))
    alone = [r for r in rows if r["gpus"] == "1" and float(r["share"]) == 1 and r["jobs_per_hour"]]
    for row in rows if alone else ():
        for ratio, rate in zip(RATIOS, ("jobs_per_hour", "with_start"), strict=True):
            if row[rate] and alone[-1][rate]:
                row[ratio] = f"{float(row[rate]) / float(alone[-1][rate]):.4g}"
    cells = [[*COLUMNS, *RATIOS], *([row.get(name) or "" for name in (*COLUMNS, *RATIOS)] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    print("\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells), flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("prepare", "sweep"):
        part = parts.add_parser(name)
        part.add_argument("out", type=Path)
        part.add_argument("--scene", type=Path)
        part.add_argument("--objects", type=int, default=4)
        part.add_argument("--ablations", default="none,no_normal,no_depth,no_mask")
        part.add_argument("--seeds", default="0")
        part.add_argument("--made-up", type=int, default=0)
    part.add_argument("--gpus", type=int)
    part.add_argument("--jobs-per-gpu", type=int, default=1)
    part.add_argument("--seconds", type=float)
    parts.add_parser("show").add_argument("csv", type=Path)
    given, given.overrides = parser.parse_known_args()
    return given


def main() -> None:
    given = options()
    if given.part == "show":
        show(given.csv)
    else:
        {"prepare": prepare, "sweep": sweep}[given.part](given)


if __name__ == "__main__":
    main()
