"""Known vulnerabilities of what is installed here, by pip-audit.

Status 1 when there is one, 2 when pip-audit itself fails. Where no advisories can be had, one line says so and the
status is 0. pip-audit finds nothing wrong with a package that its index does not know, and some mirrors know no
advisories at all: an old release with known ones is asked about first.
"""

import json
import re
import subprocess
import sys
import tempfile
from typing import Any

VULNERABLE = "jinja2==3.1.2"
"""CVE-2024-22195, CVE-2024-34064 and later ones."""
UNREACHABLE = re.compile(r"\w*(Connection|Timeout|Service|HTTP|SSL|Proxy)Error\b|Could not connect|timed out")


class NotReached(Exception):
    """There is nobody to ask; the message says why."""


def audited(*options: str) -> list[dict[str, Any]]:
    """What pip-audit says of each package. NotReached; SystemExit when it fails otherwise."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
        return packages
    except (ValueError, KeyError, TypeError):
        lines = [line for line in ran.stderr.splitlines() if line.strip()] or [f"status {ran.returncode}"]
    reasons = [line for line in lines if UNREACHABLE.search(line)]
    if reasons:
        raise NotReached(reasons[-1].strip()[:200])
    print(f"audit: pip-audit failed: {lines[-1]}", file=sys.stderr)
    raise SystemExit(2)


def assert_reached() -> None:
    """NotReached unless the service knows the advisories of a release that has some."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as asked:
        asked.write(VULNERABLE + "\n")
        asked.flush()
        packages = audited("--disable-pip", "--no-deps", "--requirement", asked.name)
    if not any(package.get("vulns") for package in packages):
        raise NotReached(f"it knows no advisory of {VULNERABLE}, which has some")


def main() -> int:
    try:
        assert_reached()
        packages = audited("--skip-editable")
    except NotReached as reason:
        print(f"audit: NOT DONE, nothing was checked: the advisory service cannot be used from here ({reason})")
        return 0
    found = [(package, vulnerability) for package in packages for vulnerability in package.get("vulns", [])]
    for package, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
        print(f"audit: {package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    print(f"audit: {len(packages) - len(skipped)} packages checked, {len(found)} known vulnerabilities")
    if skipped:
        print(f"audit: not checked, unknown to the service: {', '.join(sorted(skipped))}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
