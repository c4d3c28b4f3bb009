"""Logging into files alone, and what every other logger does too."""

import csv
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from o2recon.logger.facts import RunFacts, numbers
from o2recon.workspace import written_atomically

_LOG = logging.getLogger(__name__)
SUMMARY = "summary.csv"
METRICS = "metrics.csv"


class RunLog:
    """What one run says to a dashboard while it lasts. This one has none to tell."""

    def __init__(self, facts: RunFacts) -> None:
        self.facts = facts
        self.failed = True
        """Until a result says otherwise."""

    def curves(self, step: int, values: dict[str, float]) -> None:
        """What training computed at an optimiser step, under the keys of metrics.csv."""

    def finished(self, result: dict[str, Any]) -> None:
        """The content of `result.json`, once the run's files are complete."""

    def close(self) -> None:
        """Everything is on disk, or sent."""


class CsvLogger:
    """Files in the run's folder. Others add to it: they override `opened` and `compare`.

    A dashboard never costs a result: when it fails, the log says so once and the job goes on without it.
    """

    @contextmanager
    def run(self, facts: RunFacts) -> Iterator[RunLog]:
        """The log of one run; closed, and marked as failed, when the block raises, too."""
        log = _Guarded(facts, self.opened)
        try:
            yield log
        except BaseException:
            log.failed = True
            raise
        finally:
            log.close()

    def study(self, folder: Path) -> None:
        """Compare the runs of `outputs/<study>`, once its report is written."""
        try:
            self.compare(folder)
        except Exception as error:  # as said above
            _say(error)

    def opened(self, facts: RunFacts) -> RunLog:
        return RunLog(facts)

    def compare(self, folder: Path) -> None:
        """Nothing to add: the report's tables are files."""


class _Guarded(RunLog):
    """Writes summary.csv and tells a dashboard, until the first error there: that is logged, not raised."""

    def __init__(self, facts: RunFacts, opened: Callable[[RunFacts], RunLog]) -> None:
        super().__init__(facts)
        self._log = RunLog(facts)
        with self._told():
            self._log = opened(facts)

    def curves(self, step: int, values: dict[str, float]) -> None:
        with self._told():
            self._log.curves(step, values)

    def finished(self, result: dict[str, Any]) -> None:
        self.failed = self._log.failed = result["status"] != "ok"
        write_summary(self.facts.folder / SUMMARY, result)
        with self._told():
            self._log.finished(result)

    def close(self) -> None:
        self._log.failed = self.failed
        with self._told():
            self._log.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever a dashboard's library raises
            _say(error)
            broken, self._log = self._log, RunLog(self.facts)
            broken.failed = True
            with suppress(Exception):
                broken.close()


def _say(error: Exception) -> None:
    _LOG.warning("the dashboard is incomplete: %s: %s", type(error).__name__, " ".join(str(error).split()))
    _LOG.debug("where", exc_info=error)


def write_summary(file: Path, result: dict[str, Any]) -> None:
    """The numbers of a `result.json` as lines of key and value."""
    with written_atomically(file) as temporary, open(temporary, "w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(("key", "value"))
        writer.writerows((key, f"{value:.6g}") for key, value in numbers(result).items())


def read_curves(file: Path) -> list[tuple[int, dict[str, float]]]:
    """The rows of metrics.csv as (step, values); [] without the file."""
    if not file.is_file():
        return []
    with open(file, newline="") as handle:
        rows = list(csv.DictReader(handle))
    return [
        (int(row["step"]), {k: float(v) for k, v in row.items() if v and k not in ("step", "seconds")}) for row in rows
    ]
