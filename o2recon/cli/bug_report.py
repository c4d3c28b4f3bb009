"""What a bug report needs, beside what `doctor` prints: revision, packages, environment, and what failed in a study."""

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from o2recon.cli.job import Job
from o2recon.manifest import source_commit
from o2recon.sweep import Entry, read_result, study_status

VARIABLES = re.compile(r"CUDA|OMP_|NUMBA|TORCH|PYTORCH|HF_|NCCL|RAY_|SLURM_JOB|O2RECON|WANDB_MODE")
SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSWORD")
MAX_FAILED = 10


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


def _failed(job: Job) -> Iterator[str]:
    """The runs of the study that went wrong, with their error and what identifies them."""
    if not job.study.is_dir():
        yield f"study: {job.study} does not exist (study=NAME for another one)"
        return
    entries = study_status(job.study)
    failed = [e for e in entries if e.state == "failed"]
    yield f"study: {job.study}, {len(entries)} runs, {len(failed)} failed"
    for entry in failed[:MAX_FAILED]:
        result = read_result(_folder(job, entry)) or {}
        yield f"failed: {_folder(job, entry)} (fingerprint {result.get('fingerprint')}): {entry.note}"
    if len(failed) > MAX_FAILED:
        yield f"failed: {len(failed) - MAX_FAILED} more"


def _folder(job: Job, entry: Entry) -> Path:
    return job.study / entry.experiment / entry.ablation / entry.scene / entry.object / f"seed_{entry.seed}"


def _processor() -> str:
    """Model of the processor where Linux names it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
