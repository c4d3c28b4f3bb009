"""Fills the disk at every stage of a run, frees it, and starts the same command again.

usage: unshare --map-root-user --mount python full_disk.py FOLDER ROOM

Work and outputs of the run lie on a small disk in memory, which is mounted for this process alone. Prints as JSON how
each of the commands ended ([status, lines that it complained with]), and `contents` of what was there in the end.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from reliability.kills import contents, start
from reliability.moments import MOMENTS

SIZE = "256m"


def mounted(folder: Path) -> Path:
    """A disk below `folder`, with room for `work` and `outputs`."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", disk], check=True)
    for name in ("work", "outputs"):
        (disk / name).mkdir()
        (folder / name).mkdir()
        subprocess.run(["mount", "--bind", disk / name, folder / name], check=True)
    return disk


def filled(disk: Path) -> None:
    """Take all that is free."""
    state = os.statvfs(disk)
    if free := state.f_bavail * state.f_frsize:
        with open(disk / "filler", "ab") as file, suppress(OSError):  # the run was faster: the next time
            os.posix_fallocate(file.fileno(), file.tell(), free)


def full_at(moment: Callable[[Path], bool], folder: Path, disk: Path, room: Path) -> tuple[int, list[str]]:
    """Status and complaints of a run for which the disk is full from that moment on."""
    (folder / "log.txt").unlink(missing_ok=True)
    process = start(folder, room)
    while process.poll() is None and not ((folder / "log.txt").is_file() and moment(folder)):
        time.sleep(0.01)
    while process.poll() is None:
        filled(disk)
        time.sleep(0.01)
    (disk / "filler").unlink(missing_ok=True)
    log = (folder / "log.txt").read_text()
    return process.returncode, [line for line in log.splitlines() if line.startswith(("o2recon: ", "Traceback"))]


def main() -> None:
    folder, room = (Path(argument) for argument in sys.argv[1:])
    disk = mounted(folder)
    told: dict[str, Any] = {name: full_at(moment, folder, disk, room) for name, moment in MOMENTS.items()}
    told["at last"] = (start(folder, room).wait(), [])
    print(json.dumps({"ends": told, "contents": contents(folder / "disk")}))


if __name__ == "__main__":
    main()
