"""The stage `export`: finished runs as textured meshes and as bodies for simulators; `run exports=true` does it too."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from o2recon.cli.build import build
from o2recon.cli.errors import MissingStage, ObjectsFailed, is_full_disk, one_line
from o2recon.cli.job import Job
from o2recon.cli.opening import opened_scene
from o2recon.cli.prepare import Preparation, timed
from o2recon.cli.selection import select, wanted
from o2recon.cli.space import EXPORTED, Need, check_space, counted
from o2recon.export import exported_in, write_placed
from o2recon.export.export import SIMULATION, TEXTURED
from o2recon.manifest import altered, is_current, write_manifest
from o2recon.scene import Kept, Scene
from o2recon.sweep import exclusive, fingerprint_of_files, read_result

logger = logging.getLogger(__name__)
MANIFEST = "export.manifest.json"


def run(job: Job) -> list[dict[str, Any]]:
    """Export every object asked for that has a finished run; gives their results.

    With `object=all`, objects without a run are skipped and named. ValueError for bad input; ObjectsFailed when an
    export failed.
    """
    scene = opened_scene(job)
    return exported(job, scene, wanted(select(job, scene), job.config.object).kept)


def exported(job: Job, scene: Scene, objects: Sequence[Kept]) -> list[dict[str, Any]]:
    """The same for given objects of an open scene."""
    export = Export(job, scene)
    check_space([Need(f"exports of {counted(len(objects), 'object')}", job.study, EXPORTED * len(objects))])
    results = []
    for kept in objects:
        lacks = export.lacks(kept)
        if lacks is None:
            results.append(export(kept))
        elif job.config.object == "all":
            logger.warning("object %d (%s) is not exported: %s", kept.id, kept.category, lacks)
        else:
            raise MissingStage(lacks)
    folder = job.scene_folder(scene.name)
    exports = exported_in(folder, int(job.config.seed))
    if exports:
        write_placed(folder, scene.name, exports, scene.floor_height())
    Console().print(_table(scene.name, results))
    failed = [r for r in results if r["status"] == "failed"]
    if failed:
        listed = "; ".join(f"{r['object']} ({r['category']}): {r['error']}" for r in failed)
        raise ObjectsFailed(f"{len(failed)} of {len(results)} exports failed: {listed}", results)
    return results


class Export:
    """The stage for single objects of one scene; skipped when it was done with the same mesh, views and options."""

    def __init__(self, job: Job, scene: Scene) -> None:
        self._job, self._scene = job, scene
        self._preparation = Preparation(job, scene)
        self._config = job.plain("export")
        self._exporter = build(job.config.export)

    def lacks(self, kept: Kept) -> str | None:
        """What is missing before this object can be exported; None when nothing is."""
        folder = self._job.run_folder(self._scene.name, kept.id)
        result = read_result(folder)
        if result is None or not (folder / "mesh.ply").is_file():
            return f"{folder} holds no finished run: use 'o2recon run' with the same options first"
        if result.get("status") != "ok":
            return f"its run failed ({result.get('error')}), see {folder}"
        made_from = (result.get("inputs") or {}).get("prepared")
        if made_from not in (None, self._preparation.fingerprint(kept)):
            return f"{folder} was made from other prepared data: use 'o2recon run' with these options first"
        return None

    def __call__(self, kept: Kept) -> dict[str, Any]:
        """Bring one object's export up to date; its failure is recorded. Raised: a full disk, a missing library."""
        about = {"object": kept.id, "category": kept.category}
        try:
            with self._preparation.ready(kept, build=False):
                return about | self._exported(kept)
        except Exception as error:  # every failure of an object becomes its result
            if is_full_disk(error) or isinstance(error, (MissingStage, ImportError)):
                raise
            logger.error("object %d (%s): export failed: %s", kept.id, kept.category, one_line(error))
            logger.debug("where", exc_info=error)
            return about | {"status": "failed", "error": one_line(error)}

    def _exported(self, kept: Kept) -> dict[str, Any]:
        folder = self._job.run_folder(self._scene.name, kept.id)
        manifest = folder / MANIFEST
        inputs = {
            "prepared": self._preparation.fingerprint(kept),
            "mesh": fingerprint_of_files([folder / "mesh.ply"]),
        }
        with exclusive(folder, wait=True):
            current = is_current(manifest, stage="export", config=self._config, inputs=inputs)
            whole = current and (folder / TEXTURED).is_file() and altered(manifest) is None
            if whole and self._job.config.retry != "all":
                logger.info("object %d (%s) is exported already: %s", kept.id, kept.category, folder)
                return {"status": "current", "folder": str(folder), **_notes(folder, int(self._job.config.seed))}
            manifest.unlink(missing_ok=True)
            logger.info("object %d (%s): export", kept.id, kept.category)
            prepared = self._preparation.folder(kept.id)
            notes, seconds = timed(lambda: self._exporter(folder, prepared, self._scene.depth_sigma))
            notes["seconds"] = round(seconds, 2)
            files = [folder / TEXTURED, *(folder / SIMULATION).glob("object*")]
            write_manifest(manifest, stage="export", config=self._config, inputs=inputs, notes=notes, outputs=files)
        return {"status": "ok", "folder": str(folder), **notes}


def _notes(folder: Path, seed: int) -> dict[str, Any]:
    return next(notes for run, notes in exported_in(folder.parents[1], seed) if run == folder)


def _table(scene: str, results: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{scene}: export")
    for name in ("object", "category", "status", "photos", "PSNR dB", "parts", "volume", "kg"):
        table.add_column(name, justify="left" if name in ("category", "status") else "right", no_wrap=True)
    for result in results:
        texture, body = result.get("texture") or {}, result.get("simulation") or {}
        psnr = texture.get("held_out_psnr_db") or {}
        row = [(texture.get("photographed"), ".0%"), (psnr.get("texture"), ".1f")]
        row += [(body.get("parts"), "d"), (body.get("parts_volume_ratio"), ".2f"), (body.get("mass_kg"), ".1f")]
        shown = ["-" if value is None else format(value, how) for value, how in row]
        table.add_row(str(result["object"]), result["category"], result["status"], *shown)
    return table
