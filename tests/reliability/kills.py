"""Kills runs at random moments and starts them again until they finish; then compares with a run nobody disturbed.

usage: python kills.py KILLS [--seed N] [--signal KILL|TERM] [--out FOLDER]

One run: a small synthetic room, both objects, from the scan to the report, on the CPU with one thread. Each is killed
one to five times, at moments drawn from the whole duration of a run, and then started once more. Counted are kills,
runs that did not resume (another status than 0: a file was left corrupted), and differences from the undisturbed run:
prepared images, depths and volumes, meshes, checkpoints' weights, metrics.csv and result.json without seconds; and how
long a process took to exit.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from o2recon.files import PARTIAL

OVERRIDES = ("experiment=smoke", "device=cpu", "train.num_steps=60", "train.checkpoint_every=5", "object=1,2")
VOLATILE = ("seconds", "versions", "groundtruth")
MAX_KILLS = 5


@dataclass
class Count:
    """What happened so far."""

    kills: int = 0
    runs: int = 0
    not_resumed: int = 0
    differences: list[str] = field(default_factory=list)
    exit_seconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        slowest = f", slowest exit {max(self.exit_seconds):.1f} s" if self.exit_seconds else ""
        different = len(self.differences)
        return f"{self.kills} kills in {self.runs} runs: {self.not_resumed} not resumed, {different} different{slowest}"


def start(folder: Path, room: Path) -> subprocess.Popen[bytes]:
    places = [f"scene.root={room}", f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, "-m", "o2recon.cli.main", "run", *OVERRIDES, *places]
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **threads}, start_new_session=True)


def disturbed(folder: Path, room: Path, seconds: float, rng: random.Random, sent: signal.Signals, count: Count) -> bool:
    """One run, killed up to five times at random moments, then left alone; whether it got through."""
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(rng.randint(1, MAX_KILLS)):
        process = start(folder, room)
        try:
            return process.wait(rng.uniform(0, seconds)) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(sent)
        told = time.perf_counter()
        process.wait()
        count.exit_seconds.append(time.perf_counter() - told)
        count.kills += 1
    return start(folder, room).wait() == 0


def contents(folder: Path) -> dict[str, str]:
    """File -> hash of what matters in it. Half written files count inside of runs and prepared objects: others write
    beside them, so that nobody may clean up there."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        beside = file.name.startswith(PARTIAL) and file.parent.name in ("tiny", "main", "jobs")
        told = {"report", "cache", ".lock", "previous.ckpt"} & set(file.parts)  # SIGTERM saves at steps of its own
        if file.is_file() and not told and not beside:
            content = of_interest(file)
            if content is not None:
                found[name] = hashlib.sha256(content).hexdigest()[:16]
    return found


def of_interest(file: Path) -> bytes | None:
    """What two runs must agree on; None for a file that they need not."""
    if file.suffix in (".png", ".jpg", ".ply", ".glb"):
        return file.read_bytes()
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            return b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays.files))
    if file.suffix == ".ckpt":
        state = torch.load(file, weights_only=True)["state_dict"]
        return b"".join(name.encode() + state[name].numpy().tobytes() for name in sorted(state))
    if file.name == "metrics.csv":
        with open(file, newline="") as opened:
            rows: list[dict[str, Any]] = list(csv.DictReader(opened))
        return json.dumps([{k: v for k, v in row.items() if k != "seconds"} for row in rows]).encode()
    if file.name == "result.json":
        result = json.loads(file.read_text())
        return json.dumps({k: v for k, v in result.items() if k not in VOLATILE}, sort_keys=True).encode()
    return None


def undisturbed(folder: Path, room: Path) -> float:
    """Seconds of the run that the others are compared with. RuntimeError when it fails."""
    folder.mkdir(parents=True)
    began = time.perf_counter()
    if start(folder, room).wait() != 0:
        raise RuntimeError(f"the run without kills failed: see {folder / 'log.txt'}")
    return time.perf_counter() - began


def written_room(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "o2recon.cli.main", "synth", "synth=tiny", f"room={folder}"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return folder


def kill_and_compare(num_kills: int, folder: Path, *, seed: int, sent: signal.Signals) -> Count:
    """Runs until `num_kills` kills were sent."""
    room = written_room(folder / "room" / "tiny")
    seconds = undisturbed(folder / "reference", room)
    undisturbed(folder / "again", room)
    expected = contents(folder / "reference")
    count, rng = Count(), random.Random(seed)
    if (same := contents(folder / "again")) != expected:
        raise RuntimeError(f"two runs without kills differ in {different(expected, same)}: nothing can be compared")
    while count.kills < num_kills:
        own = folder / f"run_{count.runs}"
        resumed = disturbed(own, room, seconds, rng, sent, count)
        count.runs += 1
        if not resumed:
            count.not_resumed += 1
            print(f"not resumed: {(own / 'log.txt').read_text()[-2000:]}", flush=True)
        elif names := different(expected, contents(own)):
            count.differences.append(f"run {count.runs - 1}: {', '.join(names[:5])}")
            print(f"different: {names}", flush=True)
        else:
            shutil.rmtree(own)
        print(count, flush=True)
    return count


def different(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", choices=["KILL", "TERM"], default="KILL")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    folder = given.out or Path(tempfile.mkdtemp(prefix="kills-"))
    count = kill_and_compare(given.kills, folder, seed=given.seed, sent=signal.Signals[f"SIG{given.signal}"])
    sys.exit(1 if count.not_resumed or count.differences else 0)


if __name__ == "__main__":
    main()
