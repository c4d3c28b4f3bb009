"""What a sweep would do: each job with its state, told from the files of earlier runs and the config it would have."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from o2recon.manifest import package_version
from o2recon.sweep.damage import damage
from o2recon.sweep.fingerprint import changes, deciding, run_fingerprint, with_network
from o2recon.sweep.listing import listing
from o2recon.sweep.lock import is_held
from o2recon.sweep.result import parsed_config, read_result

PENDING = ("new", "unfinished", "stale")
"""States that a sweep starts."""
SHOWN_CHANGES = 3


@dataclass(frozen=True)
class Planned:
    """One job of a sweep: one run of one object, or a whole stage where objects make no sense (`object` is '-').

    `overrides`: the command line of `o2recon <stage>` that does it. `state`: new, unfinished (killed: it continues),
    stale (it runs again; the note says why), ok, failed (the note says why), running (another process has it).
    `seconds`: expected, from earlier results; None without any.
    """

    overrides: tuple[str, ...]
    experiment: str
    ablation: str
    scene: str
    object: str
    category: str
    seed: str
    state: str
    note: str
    seconds: float | None = None
    prepares: bool = False
    """Whether it is the first of the plan that makes its prepared data."""

    @property
    def label(self) -> str:
        """In a few words, for one line of a log."""
        if self.object == "-":
            return " ".join(self.overrides) or "one job"
        return f"{self.scene} {self.object} ({self.category}) {self.experiment}/{self.ablation} seed {self.seed}"

    def runs(self, retry: str | None) -> bool:
        """Whether a sweep starts it. `retry`: null, 'failed' or 'all'."""
        if self.state == "running":
            return False
        return self.state in PENDING or retry == "all" or (self.state == "failed" and retry == "failed")


def run_state(
    folder: Path,
    config: Callable[[], dict[str, Any]],
    *,
    truth: Callable[[], str],
    outside: Callable[[dict[str, Any]], str],
) -> tuple[str, str]:
    """State and note of the run in `folder`, as it would be with `config` (resolved; asked for only where needed).

    `truth`: fingerprint of the files of the truth; `outside`: what people changed since the preparation behind a
    result, empty when nothing. Options, package version and truth are compared with the recorded ones, the run's own
    files with what its stages left.
    """
    if is_held(folder):
        return "running", "another process works on it"
    result = read_result(folder)
    if result is None:
        begun = (folder / "config.yaml").is_file()
        return ("unfinished", "continues where it was stopped") if begun else ("new", "")
    if why := _outdated(folder, result, config(), truth=truth, outside=outside):
        return "stale", why
    if result.get("status") != "ok":
        return "failed", str(result.get("error"))
    what = damage(folder)
    return ("ok", "") if what is None else ("stale", what)


def _outdated(
    folder: Path,
    result: dict[str, Any],
    config: dict[str, Any],
    *,
    truth: Callable[[], str],
    outside: Callable[[dict[str, Any]], str],
) -> str:
    """Why the run would be done again; empty when it would not."""
    inputs, network = result.get("inputs") or {}, result.get("semantic")
    now = deciding(with_network(config, network))
    if run_fingerprint(now, inputs) != result.get("fingerprint"):
        version = (result.get("versions") or {}).get("o2recon")
        if version != package_version():
            return f"made by version {version}, this is {package_version()}"
        told = _differences(folder / "config.yaml", now, network)
        return told or "made with another network of the semantic loss"
    if truth() != inputs.get("groundtruth"):
        return "the ground truth changed"
    return outside(result)


def plan_lines(plan: Sequence[Planned], *, retry: str | None, most: int | None = None) -> list[str]:
    """The plan as plain text: a line for each of the first `most` jobs, totals and the expected time at the end."""
    head = ("experiment", "ablation", "scene", "object", "category", "seed", "state", "about", "note")
    rows = [
        (p.experiment, p.ablation, p.scene, p.object, p.category, p.seed, p.state, _about(p, retry), p.note)
        for p in plan
    ]
    lines = listing(head, rows, most=most)
    if most is not None and len(rows) > most:
        lines.append(f"... and {len(rows) - most} more: 'o2recon status -m' with the same options lists them")
    return [*lines, totals(plan, retry=retry)]


def totals(plan: Sequence[Planned], *, retry: str | None) -> str:
    """How many jobs are in which state, and how long those that start will take one after the other."""
    states = Counter(p.state for p in plan)
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    starting = [p for p in plan if p.runs(retry)]
    known = [p.seconds for p in starting if p.seconds is not None]
    text = f"{len(plan)} jobs: {told}; {len(starting)} to run"
    if known:
        of = (
            ""
            if len(known) == len(starting)
            else f" ({len(starting) - len(known)} of them like the mean of the others)"
        )
        text += f", about {duration(sum(known) / len(known) * len(starting))} one after the other{of}"
    if states["failed"] and retry is None:
        text += "; retry=failed tries the failed ones again"
    return text


def duration(seconds: float) -> str:
    """As a person would say it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _about(job: Planned, retry: str | None) -> str:
    return duration(job.seconds) if job.seconds is not None and job.runs(retry) else ""


def _differences(file: Path, now: dict[str, Any], network: str | None) -> str:
    """The first differences of a run's recorded config from the one it would have; told apart once for all seeds."""
    recorded = file.read_text(errors="replace") if file.is_file() else "{}"
    before = re.sub(r"^object: .*\n", "", recorded, flags=re.MULTILINE)
    seed = f"\nseed: {now.get('seed')}\n"
    if seed in before:  # as it nearly always is: the folder says so
        before, now = before.replace(seed, "\n"), {k: v for k, v in now.items() if k != "seed"}
    return _told(before, json.dumps(now, sort_keys=True), network)


@lru_cache(maxsize=256)
def _told(before: str, now: str, network: str | None) -> str:
    recorded = parsed_config(before)
    if not recorded:
        return "made with other options, which its config.yaml does not say"
    told = changes(deciding(with_network(recorded, network)), json.loads(now))
    return "; ".join(told[:SHOWN_CHANGES])
