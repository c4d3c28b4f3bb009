"""The stage `status`: what is done, running, failed, unfinished, stale or planned in a study, and for how long."""

import time
from collections import Counter
from dataclasses import replace

from o2recon.cli.job import Job
from o2recon.sweep import (
    Entry,
    Estimates,
    Journal,
    Planned,
    bytes_shown,
    duration,
    earlier_results,
    holdings,
    latest_sweep,
    listing,
    standing,
    study_status,
)

OPEN = ("unfinished", "stale", "planned")
"""States that take time yet."""


def run(job: Job) -> list[Entry]:
    """Print one line per run, the totals, and where the last sweep stands, as plain text."""
    journal = latest_sweep(job.study)
    entries = study_status(job.study)
    if journal is not None:
        entries = _with_reasons(entries, journal) + _planned(entries, journal)
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
    held = {kind: size for kind, size in holdings(job.study).items() if size}
    parts = ", ".join(f"{kind} {bytes_shown(size)}" for kind, size in held.items())
    print(f"on disk: {bytes_shown(sum(held.values()))} ({parts}); 'o2recon clean' says what can go")
    return entries


def _planned(entries: list[Entry], journal: Journal) -> list[Entry]:
    """Runs that the last sweep has planned and nobody has begun."""
    begun = {_place(e) for e in entries}
    wanted = [j for j in journal.jobs() if j.object != "-" and _place(j) not in begun]
    return [Entry(*_place(j), state="planned", note="") for j in wanted]


def _with_reasons(entries: list[Entry], journal: Journal) -> list[Entry]:
    """Runs that ended without a result, with what the last sweep knows of it."""
    jobs, records = journal.jobs(), journal.records()
    reasons = {_place(jobs[i]): r.reason for i, r in records.items() if r.state in ("failed", "killed")}
    return [
        replace(e, state="failed", note=reasons[_place(e)]) if e.state == "unfinished" and _place(e) in reasons else e
        for e in entries
    ]


def _place(job: Planned | Entry) -> tuple[str, str, str, str, str]:
    return (job.experiment, job.ablation, job.scene, job.object, job.seed)


def _standing(journal: Journal) -> str:
    records = journal.records()
    ended = [r for r in records.values() if r.state != "running"]
    running = len(records) - len(ended)
    state = standing(journal.jobs(), records, now=time.time())
    return (state if running else replace(state, remaining_s=None)).line
