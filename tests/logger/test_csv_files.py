"""What every logger does: summary.csv, and a dashboard that never costs a result."""

import csv
from pathlib import Path
from typing import Any

import pytest

from o2recon.logger import CsvLogger, RunFacts, RunLog
from o2recon.logger.csv_files import read_curves
from o2recon.logger.facts import numbers


class Broken(CsvLogger):
    """Fails in the given call."""

    def __init__(self, call: str) -> None:
        self.call = call
        self.closed: list[bool] = []

    def opened(self, facts: RunFacts) -> RunLog:
        self._fail("opened")
        outer = self

        class Log(RunLog):
            def curves(self, step: int, values: dict[str, float]) -> None:
                outer._fail("curves")

            def finished(self, result: dict[str, Any]) -> None:
                outer._fail("finished")

            def close(self) -> None:
                outer.closed.append(self.failed)

        return Log(facts)

    def compare(self, folder: Path) -> None:
        self._fail("compare")

    def _fail(self, call: str) -> None:
        if call == self.call:
            raise ConnectionResetError("the service is gone\nfor good")


def test_summary_csv_holds_the_numbers_of_the_result(facts: RunFacts, result: dict[str, Any]) -> None:
    with CsvLogger().run(facts) as log:
        log.finished(result)
    with open(facts.folder / "summary.csv", newline="") as file:
        rows = {row["key"]: float(row["value"]) for row in csv.DictReader(file)}
    assert rows == pytest.approx(numbers(result), rel=1e-5)


def test_curves_are_the_rows_of_metrics_csv(facts: RunFacts, tmp_path: Path) -> None:
    assert read_curves(facts.folder / "metrics.csv") == [
        (10, {"train/loss/total": 0.5, "train/inv_s": 300.0}),
        (10, {"val/psnr_db": 21.5}),
        (20, {"train/loss/total": 0.25, "train/inv_s": 310.0}),
    ]
    assert read_curves(tmp_path / "none.csv") == []


@pytest.mark.parametrize("call", ["opened", "curves", "finished"])
def test_a_broken_dashboard_is_told_once_and_costs_nothing(
    call: str, facts: RunFacts, result: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    logger = Broken(call)
    with logger.run(facts) as log:
        log.curves(1, {"train/loss/total": 1.0})
        log.curves(2, {"train/loss/total": 1.0})
        log.finished(result)
    assert caplog.messages == ["the dashboard is incomplete: ConnectionResetError: the service is gone for good"]
    assert (facts.folder / "summary.csv").is_file()
    assert logger.closed == ([] if call == "opened" else [True])  # closed once, as failed


def test_a_broken_comparison_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Broken("compare").study(tmp_path)
    assert "the dashboard is incomplete" in caplog.text


def test_a_log_is_closed_as_failed_when_the_job_raises(facts: RunFacts, result: dict[str, Any]) -> None:
    for error in (MemoryError, KeyboardInterrupt):
        logger = Broken("")
        with pytest.raises(error), logger.run(facts):
            raise error
        assert logger.closed == [True]
    logger = Broken("")
    with logger.run(facts) as log:
        log.finished(result)
    assert logger.closed == [False]
