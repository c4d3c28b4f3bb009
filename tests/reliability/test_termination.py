"""SIGTERM at every stage: gone within ten seconds, in one line, and the same command goes on from there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reliability.kills import contents, different, start, undisturbed
from reliability.moments import MOMENTS, OUT, steps_of

from o2recon.cli.child import TERMINATED
from o2recon.train import read_checkpoint

STUBBORN = """
import sys, threading, time
from o2recon.cli import termination
termination.GRACE_S = 0.5
termination.end_on_sigterm()
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    time.sleep(60)
"""


def terminated_at(moment: Callable[[Path], bool], folder: Path, room: Path) -> tuple[int, float]:
    """Exit status and seconds until then of a run that gets SIGTERM at that moment."""
    (folder / "log.txt").unlink(missing_ok=True)
    process = start(folder, room)
    while not (folder / "log.txt").is_file() or not moment(folder):
        assert process.poll() is None, (folder / "log.txt").read_text()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    told = time.perf_counter()
    return process.wait(60), time.perf_counter() - told


@pytest.mark.slow
def test_every_stage_ends_within_ten_seconds_and_goes_on_to_the_same_result(tiny_room: Path, tmp_path: Path) -> None:
    undisturbed(tmp_path / "reference", tiny_room)
    own = tmp_path / "own"
    own.mkdir()
    for name, moment in MOMENTS.items():
        status, seconds = terminated_at(moment, own, tiny_room)
        log = (own / "log.txt").read_text()
        assert status == TERMINATED and seconds < 10, (name, status, seconds, log)
        assert log.count("o2recon: terminated; the same command continues from where it was") == 1, (name, log)
        assert "Traceback" not in log and "failed" not in log, (name, log)
        if "training" in name:
            number = 2 if "second" in name else 1
            saved = read_checkpoint(own / OUT / f"{number}/seed_0/checkpoints/last.ckpt")["o2recon"]["step"]
            assert saved >= steps_of(own, number) >= 7 and not (own / OUT / f"{number}/seed_0/result.json").exists()
    assert start(own, tiny_room).wait() == 0
    assert different(contents(tmp_path / "reference"), contents(own)) == []


def test_what_does_not_unwind_is_cut_short() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == TERMINATED and said.count(b"o2recon: terminated") == 1
