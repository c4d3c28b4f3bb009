"""A disk that gets full at any stage: one line, status 2, and the same command goes on when there is room again."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from reliability.kills import contents, different, undisturbed
from reliability.moments import MOMENTS

TOLD = r"o2recon: the disk is (full.*start the same command|too small .*free some space)"
OWN = ["unshare", "--map-root-user", "--mount"]


def may_mount() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*OWN, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0
    )


@pytest.mark.slow
def test_a_full_disk_stops_every_stage_in_one_line_and_nothing_is_lost(tiny_room: Path, tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("this user may not mount a disk in memory")
    undisturbed(tmp_path / "reference", tiny_room)
    code = Path(__file__).with_name("full_disk.py")
    path = os.pathsep.join([str(code.parents[1]), str(code.parents[2])])
    told = subprocess.run(
        [*OWN, sys.executable, str(code), str(tmp_path / "own"), str(tiny_room)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["ends"].pop("at last")[0] == 0
    assert list(found["ends"]) == list(MOMENTS)
    for name, (status, lines) in found["ends"].items():
        assert status == 2 and len(lines) == 1, (name, status, lines)
        assert re.match(TOLD, lines[0]), (name, lines)
    expected = {k: v for k, v in contents(tmp_path / "reference").items() if k.startswith(("work", "outputs"))}
    assert different(expected, found["contents"]) == []
