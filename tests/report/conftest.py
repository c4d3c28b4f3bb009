"""A report as the shipped config makes it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from made_up_study import write_prepared, write_run, write_truth

from o2recon.report import Report


@pytest.fixture(scope="session")
def make_report() -> Any:
    """Report with the values of conf/report/html.yaml, any of them replaced."""
    file = Path(__file__).parents[2] / "o2recon" / "conf" / "report" / "html.yaml"
    values = {k: v for k, v in yaml.safe_load(file.read_text()).items() if k != "_target_"}
    return lambda **changes: Report(**{**values, **changes})


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, make_report: Any) -> Path:
    """outputs/main, reported: a scored chair, a table without truth and prepared views, a failed bin."""
    root = tmp_path_factory.mktemp("study")
    outputs, work = root / "outputs" / "main", root / "work"
    truth = write_truth(root / "scan", 2)
    write_run(outputs, ("quick", "none"), ("room", 2), groundtruth=str(truth))
    write_run(outputs, ("quick", "none"), ("room", 3), category="<script>alert(1)</script> & | _table_", metrics=None)
    nothing = {"metrics": None, "evidence": None, "mesh": None, "verdict": None}
    write_run(outputs, ("quick", "none"), ("room", 4), status="failed", error="cuda ran out & <died>", **nothing)
    write_prepared(work, ("room", 2))
    make_report()(outputs, work)
    return outputs
