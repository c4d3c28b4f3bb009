"""The stage `synth`: one synthetic room in ScanNet layout, with ground truth."""

from pathlib import Path

from o2recon.cli.build import build
from o2recon.cli.job import Job


def run(job: Job) -> None:
    """Write the room and name its folder."""
    print(write_room(job))


def write_room(job: Job) -> Path:
    """The folder of the chosen room, written unless it is there with the same settings."""
    folder = Path(job.config.room or Path(job.config.work) / "synth" / job.room)
    room: Path = build(job.config.synth).write(folder)
    return room
