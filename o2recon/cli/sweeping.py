"""A sweep (-m): plan it, start what is not done on a launcher, tell how it goes, and end with what became of it."""

import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import hydra
from omegaconf import OmegaConf

from o2recon.cli.build import build
from o2recon.cli.child import SweepJob
from o2recon.cli.errors import ObjectsFailed, one_line
from o2recon.cli.hydra_line import command_line
from o2recon.cli.launchers import Launcher, launcher_of
from o2recon.cli.planning import planned
from o2recon.cli.reasons import names_of, told_together
from o2recon.sweep import Journal, Record, new_sweep, plan_lines, standing

SWEEP = {"config_path": "pkg://o2recon.conf", "config_name": "sweep", "version_base": "1.3"}
EVERY_JOB = ["sweep.job=true", "reports=false"]
LOOK_S, TELL_S, LONGEST_S = 1.0, 60.0, 3600.0
"""Seconds between looks at the jobs, and to the first line when nothing ends; to the next ones ever longer, up to an
hour, so that the log of a sweep that takes days stays readable."""
SHOWN_ROWS = 60
"""A sweep's own plan listing is cut there; `o2recon status -m` shows every job."""


def sweep(stage: str, arguments: Sequence[str]) -> None:
    """Run every combination of `arguments` that is not done. ObjectsFailed when some job failed, now or before."""
    launcher = launcher_of(arguments)
    ours = [a for a in arguments if not a.startswith(("hydra/", "hydra."))]
    plan = planned(stage, launcher.with_experiment(stage, ours))
    dashboard = build(OmegaConf.create(plan.logger))  # before any job starts: it may not be installed
    print("\n".join(plan_lines(plan.jobs, retry=plan.retry, most=SHOWN_ROWS)), flush=True)
    jobs = [job for job in plan.jobs if job.runs(plan.retry)]
    failed = [(j.label, j.note) for j in plan.jobs if j.state == "failed" and not j.runs(plan.retry)]
    elsewhere = [j.label for j in plan.jobs if j.state == "running"]
    if jobs:
        journal = new_sweep(plan.study)
        journal.begin(stage, jobs, every_job=EVERY_JOB if plan.report else EVERY_JOB[:1], attempts=plan.attempts)
        teller = _run(journal, launcher)
        failed += teller.failures()
        elsewhere += teller.elsewhere()
    if plan.report and any(plan.study.glob("*/*/*/*/seed_*/result.json")):  # else all is elsewhere, or failed at once
        print(f"report: {build(OmegaConf.create(plan.report))(plan.study, plan.work)}")
        dashboard.study(plan.study)
    if elsewhere:
        print(f"{len(elsewhere)} of {len(plan.jobs)} jobs are worked on by other processes: {names_of(elsewhere)}")
    if failed:
        raise ObjectsFailed(f"{len(failed)} of {len(plan.jobs)} jobs failed: {told_together(failed)}", [])


def show_plan(stage: str, arguments: Sequence[str]) -> list[str]:
    """Print every job of a sweep without starting any; the lines."""
    ours = [a for a in arguments if not a.startswith(("hydra/", "hydra."))]
    plan = planned(stage, launcher_of(arguments).with_experiment(stage, ours))
    lines = plan_lines(plan.jobs, retry=plan.retry)
    print("\n".join(lines))
    return lines


def _run(journal: Journal, launcher: Launcher) -> "_Teller":
    """Start the jobs and wait for all of them; what became of them."""
    teller = _Teller(journal)
    arguments = ["-m", f"job=range(0,{len(teller.jobs)})", f"hydra.sweep.dir={journal.folder}"]
    with teller, command_line(["o2recon", *arguments, *launcher.arguments(len(teller.jobs))]):
        launcher.begin(journal)
        try:
            hydra.main(**SWEEP)(SweepJob(str(journal.folder)))()
        except KeyboardInterrupt:
            teller.say(launcher.after_interruption(journal))
            raise
        except Exception as error:  # a launcher gives up at the first job that it lost; the others go on without it
            if not launcher.has_started(journal):
                raise
            teller.say(f"the launcher lost a job, the others go on: {one_line(error)}")
            launcher.wait(journal)
    return teller


class _Teller:
    """Looks at the journal while jobs run, and says what ended: plain lines on stderr and in sweep.log."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.jobs = journal, journal.jobs()
        self._told: dict[int, Record] = {}
        self._last, self._pause = time.time(), TELL_S
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Teller":
        self.say(f"{len(self.jobs)} job{'s' * (len(self.jobs) != 1)}; logs are in {self.journal.folder / 'jobs'}")
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._end.set()
        self._thread.join()
        self._look()
        self.say(standing(self.jobs, self._told, now=time.time()).line)

    def say(self, text: str) -> None:
        line = f"{time.strftime('%H:%M:%S')} {text}"
        print(line, file=sys.stderr, flush=True)
        with open(self.journal.folder / "sweep.log", "a") as file:
            file.write(line + "\n")

    def failures(self) -> list[tuple[str, str]]:
        """The jobs that did not end well, with their reasons."""
        well = ("ok", "running", "elsewhere")
        said = {i: self._told[i].reason for i in self._told if self._told[i].state not in well}
        never = {i: "it was never started" for i in range(len(self.jobs)) if i not in self._told}
        open_ones = {i: "its process is gone" for i in self._told if self._told[i].state == "running"}
        return [(self.jobs[i].label, reason) for i, reason in sorted((said | never | open_ones).items())]

    def elsewhere(self) -> list[str]:
        """The jobs that other processes worked on, such as another sweep of the same study."""
        return [self.jobs[i].label for i, record in sorted(self._told.items()) if record.state == "elsewhere"]

    def _watch(self) -> None:
        while not self._end.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        records = self.journal.records()
        ended = [i for i, r in records.items() if r.state != "running" and self._told.get(i) != r]
        self._told = records
        now = time.time()
        state = standing(self.jobs, records, now=now)
        for i in sorted(ended):
            record = records[i]
            seconds = (record.ended or now) - record.started
            why = f": {record.reason} (see {self.journal.log(i)})" if record.reason else f" in {seconds:.0f} s"
            self.say(f"[{state.line}] {self.jobs[i].label} {record.state}{why}")
        if ended:
            self._last, self._pause = now, TELL_S
        elif now - self._last > self._pause:
            self._last, self._pause = now, min(2 * self._pause, LONGEST_S)
            self.say(f"[{state.line}]")
