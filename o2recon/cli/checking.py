"""The test of a scan's conventions, once per scan: `work/<scene>/check.json`."""

import json
import logging
from pathlib import Path

from o2recon.check import Report
from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.manifest import is_current, write_manifest
from o2recon.scene import Scene
from o2recon.scene.derived import DerivedScene
from o2recon.sweep import exclusive
from o2recon.workspace import write_json

logger = logging.getLogger(__name__)


def checked(job: Job, scene: Scene) -> Report | None:
    """Test the scene, or read what was found while nothing changed, and say it; None with `check=off`.

    ValueError when the scan is surely not what it is taken for.
    """
    if not job.config.check:
        return None
    while isinstance(scene, DerivedScene):
        scene = scene.base  # what the capture says, not what was made for it
    folder = Path(job.config.work) / scene.name
    file, manifest = folder / "check.json", folder / "check.manifest.json"
    options = {k: v for k, v in job.plain("scene").items() if k != "root"}
    config, inputs = {"check": job.plain("check"), "scene": options}, {"scene": scene.fingerprint()}
    with exclusive(folder, wait=True):
        if file.is_file() and is_current(manifest, stage="check", config=config, inputs=inputs):
            report = Report.from_json(json.loads(file.read_text()))
        else:
            manifest.unlink(missing_ok=True)
            report = build(job.config.check)(scene, options)
            write_json(file, report.to_json())
            write_manifest(manifest, stage="check", config=config, inputs=inputs, notes={"verdict": report.level})
            _say(scene, report)
    if report.level == "wrong":
        told = "; ".join(finding.line() for finding in report.worst())
        raise ValueError(f"{scene.root}: {told} (check=off goes on without this test)")
    return report


def _say(scene: Scene, report: Report) -> None:
    for finding in report.findings:
        if finding.level == "doubtful":
            logger.warning("%s: %s", scene.name, finding.line())
        elif finding.level != "wrong":
            logger.info("%s: %s", scene.name, finding.line())
