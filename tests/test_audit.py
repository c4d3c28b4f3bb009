"""What CI makes of pip-audit's answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAKE = """
import os, sys
part = "about" if "--requirement" in sys.argv else "installed"
text = os.environ["FAKE_" + part.upper()]
if text.startswith("{"):
    print(text)
    sys.exit('"id"' in text)
sys.exit(text)
"""
FLAW = {"id": "CVE-1", "fix_versions": ["3.2"], "aliases": [], "description": "bad"}
OLD = {"name": "jinja2", "version": "3.1.2", "vulns": [FLAW]}
FINE = {"name": "numpy", "version": "2.4.6", "vulns": []}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited: torch (2.13.0+cpu)"}
OFFLINE = "Traceback (most recent call last):\n  ...\nrequests.exceptions.ConnectionError: Failed to resolve 'no.host'"
BLOCKED = "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\nERROR:pip_audit._cli:Tip: try another"


def of(*packages: dict) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def audit(folder: Path, about: str, installed: str) -> tuple[int, str]:
    """Status and output, where pip-audit answers `about` of the old release, and `installed` of what is installed."""
    (folder / "pip_audit.py").write_text(FAKE)
    environment = {**os.environ, "PYTHONPATH": str(folder), "FAKE_ABOUT": about, "FAKE_INSTALLED": installed}
    ran = subprocess.run(
        [sys.executable, str(ROOT / ".ci/audit.py")], env=environment, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("about", "installed", "status", "told"),
    [
        (of(OLD), of(FINE, UNKNOWN), 0, ["1 packages checked, 0 known vulnerabilities", "not checked, .*: torch"]),
        (of(OLD), of(FINE, OLD), 1, ["jinja2 3.1.2: CVE-1, fixed in 3.2", "2 packages checked, 1 known"]),
        (OFFLINE, of(FINE), 0, ["NOT DONE, nothing was checked: .*ConnectionError: Failed to resolve 'no.host'"]),
        (BLOCKED, of(FINE), 0, ["NOT DONE, nothing was checked: .*Could not connect"]),
        (of(OLD), OFFLINE, 0, ["NOT DONE, nothing was checked: .*ConnectionError"]),
        (of(UNKNOWN), of(OLD), 0, ["NOT DONE, nothing was checked: .*knows no advisory"]),
        (of({**OLD, "vulns": []}), of(FINE), 0, ["NOT DONE, nothing was checked: .*knows no advisory"]),
        ("No module named pip_audit", of(FINE), 2, ["pip-audit failed: No module named pip_audit"]),
    ],
    ids=["fine", "found", "offline", "blocked", "lost", "mirror", "mirror without advisories", "broken"],
)
def test_a_finding_fails_and_a_service_that_is_not_there_is_said(
    about: str, installed: str, status: int, told: list[str], tmp_path: Path
) -> None:
    got, said = audit(tmp_path, about, installed)
    assert got == status, said
    lines = said.splitlines()
    assert len(lines) == len(told) and all(line.startswith("audit: ") for line in lines), said
    assert all(re.search(pattern, line) for pattern, line in zip(told, lines, strict=True)), said


def test_ci_runs_it() -> None:
    assert "make audit" in (ROOT / ".ci/run").read_text().splitlines()
