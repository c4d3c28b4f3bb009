"""What a bug report needs, beside what `doctor` prints: revision, packages, environment, and what failed in a study."""

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from o2recon.cli.job import Job
from o2recon.manifest import source_commit
from o2recon.sweep import RESULT, Entry, Planned, latest_sweep, read_result, study_status

VARIABLES = re.compile(r"CUDA|OMP_|NUMBA|TORCH|PYTORCH|HF_|NCCL|RAY_|SLURM_JOB|O2RECON|WANDB_MODE")
SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSWORD")
SHOWN_FAILED = 3


def bug_report(job: Job) -> Iterator[str]:
    """Lines for an issue. Nothing secret of the environment is shown."""
    yield from (*_source(), *_packages(), *_environment(), *_failed(job))


def _source() -> Iterator[str]:
    yield f"revision: {source_commit() or 'installed, no checkout'}"
    yield f"system: {platform.platform()}, {' '.join(platform.libc_ver()) or 'no glibc'}, {_processor()}"


def _packages() -> Iterator[str]:
    """The installed ones among those that o2recon may use."""
    names = {re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0] for line in requires("o2recon") or []}
    found = []
    for name in sorted(names, key=str.lower):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    yield f"packages: {', '.join(found)}"


def _environment() -> Iterator[str]:
    shown = [f"{k}={v}" for k, v in sorted(os.environ.items()) if VARIABLES.search(k) and not SECRET.search(k)]
    yield f"environment: {' '.join(shown) or 'nothing of ours'}"


@dataclass(frozen=True)
class _Failure:
    """A run that went wrong. `when`: seconds since 1970; `log`: what its job of a sweep printed, if it was one."""

    when: float
    folder: Path
    reason: str
    fingerprint: str | None
    log: Path | None


def _failed(job: Job) -> Iterator[str]:
    """What every study holds, the last runs that went wrong with their reasons, and the last log of a sweep."""
    outputs = Path(job.config.outputs)
    studies = sorted(p for p in outputs.glob("*") if p.is_dir())
    if not studies:
        yield f"studies: none in {outputs} (outputs=FOLDER for others)"
        return
    failures = {study: list(_failures(study)) for study in studies}
    for study, found in failures.items():
        yield f"study: {study}, {len(study_status(study))} runs, {len(found)} failed"
    latest = sorted((f for found in failures.values() for f in found), key=lambda f: -f.when)
    for one in latest[:SHOWN_FAILED]:
        log = f"; log: {one.log}" if one.log is not None else ""
        yield f"failed: {one.folder} (fingerprint {one.fingerprint}): {one.reason}{log}"
    logs = [file for study in studies for file in study.glob("sweep/*/**/*.log")]
    last = max(logs, key=lambda file: file.stat().st_mtime, default=None)
    yield f"last log: {last or 'none; what single runs print is not kept: copy it from the terminal'}"


def _failures(study: Path) -> Iterator[_Failure]:
    """Runs whose result says so, and jobs of the last sweep that ended without one."""
    journal = latest_sweep(study)
    jobs = {} if journal is None else {study / _place(job): i for i, job in enumerate(journal.jobs())}
    logs = {folder: journal.log(i) for folder, i in jobs.items() if journal is not None and journal.log(i).is_file()}
    told = set()
    for entry in study_status(study):
        if entry.state == "failed":
            folder = study / _place(entry)
            told.add(folder)
            fingerprint = (read_result(folder) or {}).get("fingerprint")
            yield _Failure((folder / RESULT).stat().st_mtime, folder, entry.note, fingerprint, logs.get(folder))
    records = {} if journal is None else journal.records()
    for folder, i in jobs.items():
        if folder not in told and i in records and records[i].state in ("failed", "killed", "lost"):
            record = records[i]
            yield _Failure(record.ended or record.started, folder, record.reason, None, logs.get(folder))


def _place(run: Entry | Planned) -> Path:
    """Of a run's folder in its study."""
    return Path(run.experiment, run.ablation, run.scene, run.object, f"seed_{run.seed}")


def _processor() -> str:
    """Model of the processor where Linux names it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
