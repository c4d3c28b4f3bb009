"""The stage `status`: what is done, running, failed, unfinished, stale or planned in a study, and for how long."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from o2recon.cli.disk import disk_lines, study_lines
from o2recon.cli.job import Job
from o2recon.sweep import (
    Entry,
    Estimates,
    Journal,
    Planned,
    duration,
    earlier_results,
    latest_sweep,
    listing,
    standing,
    study_status,
)

OPEN = ("unfinished", "stale", "planned")
"""States that take time yet."""


def run(job: Job) -> list[Entry]:
    """Print one line per run, the totals, where the last sweep stands and what is on the disk, as plain text.

    Without `study=` the other studies are listed, too. ValueError when there is nothing to tell.
    """
    if _names_none() and not job.study.is_dir() and (studies := study_lines(job.study.parent)):
        print(f"studies in {job.study.parent}:", *studies, "study=NAME shows one", sep="\n")
        return []
    journal = latest_sweep(job.study)
    entries = study_status(job.study)
    if journal is not None:
        entries = _with_jobs(entries, journal)
    estimates = Estimates(earlier_results(job.study))
    seconds = [estimates(e.experiment, e.ablation, e.scene, e.object, prepares=False) for e in entries]
    head, rows = ("experiment", "ablation", "scene", "object", "seed", "state", "about", "note"), []
    for e, about in zip(entries, seconds, strict=True):
        shown = duration(about) if about is not None and e.state in OPEN else ""
        rows.append((e.experiment, e.ablation, e.scene, e.object, e.seed, e.state, shown, e.note))
    print(job.study, *listing(head, rows), sep="\n")
    totals = Counter(e.state for e in entries)
    left = sum(about for e, about in zip(entries, seconds, strict=True) if about is not None and e.state in OPEN)
    told = ", ".join(f"{count} {state}" for state, count in totals.items()) or "no runs"
    print(told + (f"; about {duration(left)} left, one after the other" if left else ""))
    if journal is not None:
        print(f"last sweep, {journal.folder.name}: {_standing(journal)}")
    print(*disk_lines(job.study, Path(job.config.work)), sep="\n")
    if _names_none() and (others := study_lines(job.study.parent, but=job.study.name)):
        print("other studies:", *others, "study=NAME shows one", sep="\n")
    return entries


def _names_none() -> bool:
    """Whether no study was named, so that all of them may be meant."""
    return not any(override.startswith("study=") for override in HydraConfig.get().overrides.task)


def _with_jobs(entries: list[Entry], journal: Journal) -> list[Entry]:
    """Runs with what the last sweep knows of those without a result: a job that has only just begun or that ended
    without one, why, and what nobody has begun."""
    jobs, records = journal.jobs(), journal.records()
    states = {"failed": "failed", "killed": "failed", "running": "running"}
    told = {_place(jobs[i]): (states[r.state], r.reason) for i, r in records.items() if r.state in states}
    shown = []
    for entry in entries:
        state, note = told.get(_place(entry), (entry.state, entry.note))
        shown.append(replace(entry, state=state, note=note) if entry.state == "unfinished" else entry)
    begun = {_place(e) for e in entries}
    missing = [_place(j) for j in jobs if j.object != "-" and _place(j) not in begun]
    return shown + [Entry(*place, *told.get(place, ("planned", ""))) for place in missing]


def _place(job: Planned | Entry) -> tuple[str, str, str, str, str]:
    return (job.experiment, job.ablation, job.scene, job.object, job.seed)


def _standing(journal: Journal) -> str:
    records = journal.records()
    ended = [r for r in records.values() if r.state != "running"]
    running = len(records) - len(ended)
    state = standing(journal.jobs(), records, now=time.time())
    return (state if running else replace(state, remaining_s=None)).line
