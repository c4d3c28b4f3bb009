"""What differs between Hydra's launchers: which devices jobs get, and how to wait for jobs that a launcher lost."""

import importlib
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from o2recon.cli.table import STAGES
from o2recon.sweep import Journal

CHOICE = "hydra/launcher"
NEEDS = {"ray": ("ray", "hydra_ray_launcher"), "submitit_slurm": ("slurm", "hydra_submitit_launcher")}
NEEDS["submitit_local"] = NEEDS["submitit_slurm"]
"""Launcher -> pip extra and plugin. Our settings of it are the file `conf/hydra/launcher/o2recon_<launcher>.yaml`."""
POLL_S = 15.0
SUBMITTED = ".submitit"


@dataclass(frozen=True)
class Launcher:
    """The launcher of a command line: `name` and all of Hydra's own options on it."""

    name: str
    given: tuple[str, ...]

    def arguments(self, num_jobs: int) -> list[str]:
        """Hydra's options for `num_jobs` jobs: the user's, and what follows from this machine where they are silent."""
        own: list[str] = []
        if self.name == "ray" and not self._has("hydra.launcher.ray.init.address"):
            own = self._on_this_machine(num_jobs)
        ours = f"{CHOICE}=o2recon_{self.name}"
        given = [ours if a.startswith(f"{CHOICE}=") and self.name in NEEDS else a for a in self.given]
        return [*given, *own]

    def with_experiment(self, stage: str, arguments: Sequence[str]) -> list[str]:
        """`experiment=fast` for jobs that will have a GPU and where nobody chose: the node that plans may have none."""
        given = {a.partition("=")[0]: a.partition("=")[2] for a in arguments}
        trains = "train" in STAGES[stage].groups
        if not trains or "experiment" in given or given.get("device", "auto") == "cpu" or not self._on_gpus():
            return list(arguments)
        return ["experiment=fast", *arguments]

    def begin(self, journal: Journal) -> None:
        """What has to be in place before the launcher starts the jobs of `journal`."""
        if self.name == "submitit_slurm":
            importlib.import_module("o2recon.cli.slurm").attend_queue(journal)
        if self.name == "ray" and self._value("hydra.launcher.ray.init.address", "null") == "null":
            os.environ.setdefault("RAY_AUTH_MODE", "token")  # its default for a Ray of one's own, of which it warns

    def has_started(self, journal: Journal) -> bool:
        """Whether any job of the sweep runs, ran or is queued."""
        return bool(journal.records()) or (journal.folder / SUBMITTED).is_dir()

    def after_interruption(self, journal: Journal) -> str:
        """What becomes of the jobs when the command that started them was stopped."""
        root = journal.folder / SUBMITTED
        if self.name == "submitit_slurm" and root.is_dir():
            arrays = {name.partition("_")[0] for name in job_ids([f.name for f in root.iterdir()])}
            return f"the jobs stay in SLURM's queue: 'scancel {' '.join(sorted(arrays))}' ends them"
        return "its jobs end with it"

    def wait(self, journal: Journal) -> None:
        """Return when nothing of the sweep runs or waits any more."""
        if self.name.startswith("submitit"):
            _wait_for_submitit(journal, self.name)
            return
        while any(record.state == "running" for record in journal.records().values()):
            time.sleep(1.0)

    def _on_gpus(self) -> bool:
        if self.name == "submitit_slurm":
            return self._value("hydra.launcher.gpus_per_node", "1") not in ("0", "null")
        if self.name == "ray" and self._value("hydra.launcher.ray.remote.num_gpus", "1") in ("0", "0.0"):
            return False
        return _num_gpus() > 0

    def _on_this_machine(self, num_jobs: int) -> list[str]:
        """Shares of the machine for one job."""
        init, remote = "hydra.launcher.ray.init", "hydra.launcher.ray.remote"
        cores = int(self._value(f"{init}.num_cpus", str(os.cpu_count() or 1)))
        gpus = int(self._value(f"{init}.num_gpus", str(_num_gpus())))
        own = [] if self._has(f"{init}.num_gpus") else [f"{init}.num_gpus={gpus}"]
        own += [] if self._has(f"{init}.num_cpus") else [f"{init}.num_cpus={cores}"]
        share = float(self._value(f"{remote}.num_gpus", "1" if gpus else "0"))
        if share > gpus:
            raise ValueError(f"{remote}.num_gpus={share:g}, but there are {gpus} GPUs here: no job could ever start")
        own += [] if self._has(f"{remote}.num_gpus") else [f"{remote}.num_gpus={share:g}"]
        if not self._has(f"{remote}.num_cpus"):
            at_once = min(num_jobs, places_on(gpus, share) if share else max(cores // 4, 1))
            own.append(f"{remote}.num_cpus={max(cores // at_once, 1)}")
        return own

    def _has(self, key: str) -> bool:
        return any(a.lstrip("+").startswith(f"{key}=") for a in self.given)

    def _value(self, key: str, default: str) -> str:
        values = [a.partition("=")[2] for a in self.given if a.lstrip("+").startswith(f"{key}=")]
        return values[-1] if values else default


def places_on(num_gpus: int, share: float) -> int:
    """How many jobs with `share` of a GPU fit at once: a part of one is never joined from two."""
    return num_gpus * int(1 / share + 1e-6) if share <= 1 else num_gpus // math.ceil(share)


def launcher_of(arguments: Sequence[str]) -> Launcher:
    """The launcher of a command line; basic, one job after the other, by default. ValueError without its plugin."""
    given = tuple(a for a in arguments if a.startswith(("hydra/", "hydra.")))
    names = [a.partition("=")[2] for a in given if a.startswith(f"{CHOICE}=")]
    name = names[-1] if names else "basic"
    if name in NEEDS:
        extra, plugin = NEEDS[name]
        if find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None:
            raise ValueError(f"{CHOICE}={name} needs a plugin that is not installed: pip install 'o2recon[{extra}]'")
    return Launcher(name, given)


def _num_gpus() -> int:
    torch = importlib.import_module("torch")
    return int(torch.cuda.device_count())


def _wait_for_submitit(journal: Journal, name: str) -> None:
    """The launcher stops at the first job that was cancelled or killed; the others are in the queue all the same."""
    submitit: Any = importlib.import_module("submitit")
    kind = submitit.SlurmJob if name == "submitit_slurm" else submitit.LocalJob
    root = journal.folder / SUBMITTED
    jobs = [kind(folder=root / "%j", job_id=name) for name in job_ids([f.name for f in root.iterdir()])]
    while not all(job.done() for job in jobs):
        time.sleep(POLL_S)


def job_ids(folders: Sequence[str]) -> list[str]:
    """The jobs among submitit's folders: an array <id> has one of its own beside those of its jobs <id>_<n>."""
    numbers = [name for name in folders if name[:1].isdigit()]
    arrays = {name.partition("_")[0] for name in numbers if "_" in name}
    return sorted(name for name in numbers if name not in arrays)
