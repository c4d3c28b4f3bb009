"""Which objects a command is about: the scene's selection, cached, and what `object=` asks for."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import ListConfig

from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.manifest import is_current, write_manifest
from o2recon.scene import Kept, Scene, Selection
from o2recon.sweep import exclusive
from o2recon.workspace import write_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """The objects that a command asks for. `one`: a single object was named, so bad input for it is a usage error."""

    kept: tuple[Kept, ...]
    one: bool


def select(job: Job, scene: Scene) -> Selection:
    """The scene's objects, kept and dropped; read from `work/<scene>/objects.json` while nothing changed."""
    folder = Path(job.config.work) / scene.name
    file = folder / f"{job.config.prepared}.json"
    manifest = file.with_suffix(".manifest.json")
    inputs = {"scene": scene.fingerprint()}
    config = {"objects": job.plain("objects"), "scene": {k: v for k, v in job.plain("scene").items() if k != "root"}}
    with exclusive(folder, wait=True):
        current = is_current(manifest, stage="selection", config=config, inputs=inputs)
        if current and file.is_file() and job.config.retry != "all":
            return Selection.from_json(json.loads(file.read_text()))
        root = Path(job.config.scene.root).resolve()
        _warn_of_another_scan(manifest, root)
        manifest.unlink(missing_ok=True)
        logger.info("%s: choosing objects", scene.name)
        selection = build(job.config.objects).select(scene)
        write_json(file, selection.to_json())
        notes = {"kept": len(selection.kept), "root": str(root)}
        write_manifest(manifest, stage="selection", config=config, inputs=inputs, notes=notes)
    return selection


def _warn_of_another_scan(manifest: Path, root: Path) -> None:
    """When what is prepared here is of another folder of the same name, one that is still there (it was not moved)."""
    try:
        before = json.loads(manifest.read_text())["notes"]["root"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        return
    if before != str(root) and Path(before).exists():
        logger.warning(
            "%s was prepared from another scan of this name, %s, and is replaced by %s, results of the same study too:"
            " work=FOLDER study=NAME keeps both",
            manifest.parent,
            before,
            root,
        )


def wanted(selection: Selection, request: Any) -> Wanted:
    """The kept objects that `object=` names. ValueError for an id that is not there or was dropped."""
    if request == "all":
        if not selection.kept:
            raise ValueError(f"{selection.scene} has no object that passes the filters: 'o2recon prepare' lists why")
        return Wanted(tuple(selection.kept), one=False)
    ids = object_ids(request)
    return Wanted(tuple(selection.require(i) for i in ids), one=len(ids) == 1)


def for_object(config: dict[str, Any], object_id: int) -> dict[str, Any]:
    """The `objects` config as far as it concerns one object: other objects' overrides do not."""
    if "overrides" not in config:
        return config
    own = {k: v for k, v in (config["overrides"] or {}).items() if str(k) == str(object_id)}
    return {**config, "overrides": own}


def object_ids(request: Any) -> list[int]:
    """The ids that `object=` names, as a number, a text such as 1,2 or a list. ValueError for anything else."""
    parts: list[Any] = list(request) if isinstance(request, (list, ListConfig)) else str(request).split(",")
    try:
        return list(dict.fromkeys(int(str(p).strip()) for p in parts))
    except ValueError:
        raise ValueError(f"object={request} is no object id: give an id, a list such as 1,2, or all") from None
