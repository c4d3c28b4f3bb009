"""The test of a scan's conventions and its picture, once per scan: `work/<scene>/check.json` and `check.jpg`."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from o2recon.check import Report, Shown, contact_sheet
from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.manifest import is_current, write_manifest
from o2recon.scene import Scene, Selection
from o2recon.scene.derived import DerivedScene
from o2recon.sweep import exclusive
from o2recon.workspace import write_image, write_json

logger = logging.getLogger(__name__)
PICTURE = "check.jpg"


def checked(job: Job, scene: Scene) -> Report | None:
    """Test the scene, or read what was found while nothing changed, and say it; None with `check=off`.

    ValueError when the scan is surely not what it is taken for; then the picture is drawn, without objects.
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
            if report.level == "wrong":
                _draw(folder, scene, (), report)
            write_manifest(manifest, stage="check", config=config, inputs=inputs, notes={"verdict": report.level})
            _say(scene, report)
    if report.level == "wrong":
        told = "; ".join(finding.line() for finding in report.worst())
        raise ValueError(
            f"{scene.root}: {told}; {folder / PICTURE} shows the cameras; check=off goes on without this test"
        )
    return report


def pictured(job: Job, scene: Scene, selection: Selection, report: Report | None) -> None:
    """Draw the scan with its kept objects, unless that was done; nothing with `check=off`."""
    if not job.config.check:
        return
    folder = Path(job.config.work) / scene.name
    manifest = folder / "check.picture.manifest.json"
    config = {"objects": [[k.id, k.category] for k in selection.kept]}
    found = json.dumps(report.to_json() if report else None, sort_keys=True)
    inputs = {"scene": scene.fingerprint(), "check": found}
    with exclusive(folder, wait=True):
        if is_current(manifest, stage="picture", config=config, inputs=inputs) and (folder / PICTURE).is_file():
            return
        manifest.unlink(missing_ok=True)
        _draw(folder, scene, [Shown(k.id, k.category, k.frames) for k in selection.kept], report)
        write_manifest(manifest, stage="picture", config=config, inputs=inputs, notes={})


def _draw(folder: Path, scene: Scene, objects: Sequence[Shown], report: Report | None) -> None:
    write_image(folder / PICTURE, contact_sheet(scene, objects, report))
    logger.info("%s: masks and cameras are shown in %s", scene.name, folder / PICTURE)


def _say(scene: Scene, report: Report) -> None:
    for finding in report.findings:
        if finding.level == "doubtful":
            logger.warning("%s: %s", scene.name, finding.line())
        elif finding.level != "wrong":
            logger.info("%s: %s", scene.name, finding.line())
