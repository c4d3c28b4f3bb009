"""The stage `compare`: scores folders of anybody's meshes and writes them as runs into a study."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from o2recon.cli.build import build
from o2recon.cli.compare_table import comparison_table
from o2recon.cli.errors import ObjectsFailed, is_full_disk, one_line
from o2recon.cli.job import Job
from o2recon.cli.prepare import MANIFESTS
from o2recon.cli.report import run as write_report
from o2recon.cli.selection import object_ids
from o2recon.evaluate.compared import MeshScorer, References
from o2recon.evaluate.layouts import ACCEPTED, Candidate, Found, MeshFolders, canonical
from o2recon.evaluate.truth_folders import SceneTruth, TruthFolders
from o2recon.manifest import package_version, stage_fingerprint
from o2recon.progress import track
from o2recon.sweep import RESULT, fingerprint_of_files, is_finished, read_result, write_result
from o2recon.workspace import ObjectFolder

logger = logging.getLogger(__name__)
FILE_WIDTH = 140
"""Characters of a printed line that goes into a file or a pipe."""


def run(job: Job) -> list[dict[str, Any]]:
    """Find, score and record every mesh of `meshes=`, write the report, print a table.

    Returns the results. ValueError for bad usage; ObjectsFailed when some object has no usable mesh.
    """
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    truths = _truth_folders(job)
    found = _found(job, truths)
    candidates = [replace(c, scene=scene) for f in found for c in f.candidates for scene in [_scene(job, c.scene)]]
    wanted = None if job.config.object == "all" else set(object_ids(job.config.object))
    candidates = [c for c in candidates if wanted is None or c.object in wanted]
    if not candidates:
        raise ValueError(f"object={job.config.object}: no compared folder has such an object")
    scenes = {scene: _truth_of(truths, scene, candidates) for scene in sorted({c.scene for c in candidates})}
    for f in found:
        console.print(_described(f), soft_wrap=True, highlight=False)
    for line in _uncovered(candidates):
        console.print(line, soft_wrap=True, highlight=False)
    for scene, truth in scenes.items():
        console.print(_described_truth(scene, truth, candidates), soft_wrap=True, highlight=False)
    missing = _missing(job, candidates, scenes, wanted)
    everything = sorted([*candidates, *missing], key=lambda c: (c.variant, c.scene, c.object))
    recorder = _Recorder(job, scenes)
    recorder.check(everything)
    results = [recorder(c) for c in track(everything, description="comparing")]
    console.print(comparison_table(results))
    _print_remarks(console, results, scenes)
    write_report(job)
    failed = [r for r in results if r["status"] == "failed"]
    if failed:
        listed = "; ".join(f"{_method(r)}, object {r['object']}: {r['error']}" for r in failed)
        raise ObjectsFailed(f"{len(failed)} of {len(results)} objects failed: {listed}", results)
    return results


# ---- what is asked for ----


def _truth_folders(job: Job) -> TruthFolders:
    """Folders of `groundtruth=`, else the scene's. ValueError when one has no truth."""
    asked = job.config.groundtruth
    if asked is not None:
        roots = [Path(str(p)).expanduser() for p in (asked if isinstance(asked, ListConfig) else [asked])]
    elif not OmegaConf.is_missing(job.config.scene, "root"):
        roots = [Path(str(job.config.scene.root)).expanduser()]
    else:
        roots = []
    return TruthFolders(roots, job.study / "groundtruth")


def _found(job: Job, truths: TruthFolders) -> list[Found]:
    finder: MeshFolders = build(job.config.compare)
    meshes = job.config.meshes
    if meshes is None:
        raise ValueError(f"meshes=FOLDER is needed: the folder that holds a method's meshes; {ACCEPTED}")
    if isinstance(meshes, DictConfig):
        named: list[tuple[str | None, Any]] = [(str(name), folder) for name, folder in meshes.items()]
    else:
        named = [(None, folder) for folder in (meshes if isinstance(meshes, ListConfig) else [meshes])]
    scene = truths.flat_name()
    if not OmegaConf.is_missing(job.config.scene, "root"):
        scene = Path(str(job.config.scene.root)).resolve().name
    return [finder(Path(str(folder)).expanduser(), name=name, scene=scene) for name, folder in named]


def _scene(job: Job, name: str) -> str:
    """The name under which the study or the work folder already knows a scene, so that the same ones meet."""
    folders = [*job.study.glob("*/*/*"), *Path(job.config.work).glob("*")]
    known = {canonical(f.name): f.name for f in sorted(folders) if f.is_dir()}
    return known.get(canonical(name), name)


def _truth_of(truths: TruthFolders, scene: str, candidates: list[Candidate]) -> SceneTruth | None:
    """Truth of a scene; that named by compared runs of ours where nothing else is given."""
    alone = len({c.scene for c in candidates}) == 1
    truth = truths(scene, alone=alone)
    if truth is None and not truths.roots:
        said = {c.groundtruth for c in candidates if c.scene == scene and c.groundtruth is not None}
        if said:
            truth = TruthFolders(sorted(said), truths.written)(scene, alone=True)
    return truth


def _missing(
    job: Job, candidates: list[Candidate], scenes: dict[str, SceneTruth | None], wanted: set[int] | None
) -> list[Candidate]:
    """Objects that a method has no mesh of: they count as failed.

    Counted are the objects of the truth. An annotation names every wall, so there the objects count that some compared
    folder or some run of the study has.
    """
    missing = []
    variants = sorted({(c.variant, c.scene) for c in candidates})
    for (method, ablation, seed), scene in variants:
        truth = scenes[scene]
        if truth is None:
            continue
        ids = set(truth.objects)
        if not truth.complete:
            ids &= {c.object for c in candidates if c.scene == scene} | _in_study(job, scene)
        ids &= ids if wanted is None else wanted
        ids -= {c.object for c in candidates if c.variant == (method, ablation, seed) and c.scene == scene}
        why = "the compared folder has no mesh of this object"
        missing += [Candidate(method, scene, i, None, ablation=ablation, seed=seed, error=why) for i in sorted(ids)]
    return missing


def _in_study(job: Job, scene: str) -> set[int]:
    return {int(f.parent.name) for f in job.study.glob(f"*/*/{scene}/*/seed_*") if f.parent.name.isdigit()}


# ---- scoring and recording ----


class _Recorder:
    """Scores one candidate and writes its run."""

    def __init__(self, job: Job, scenes: dict[str, SceneTruth | None]) -> None:
        self._job, self._scenes = job, scenes
        self._scorer = MeshScorer(build(job.config.evaluate))

    def folder(self, c: Candidate) -> Path:
        return self._job.study / c.method / c.ablation / c.scene / str(c.object) / f"seed_{c.seed}"

    def check(self, candidates: list[Candidate]) -> None:
        """ValueError when two meshes are meant for one place, or a run of ours stands there."""
        taken: dict[Path, Candidate] = {}
        for c in candidates:
            folder, other = self.folder(c), taken.setdefault(self.folder(c), c)
            remedy = "name them apart: 'meshes={name: folder, name2: folder2}' or compare.name="
            if other is not c:
                raise ValueError(f"{c.mesh} and {other.mesh} would both be {folder}: {remedy}")
            result = read_result(folder)
            if (folder / "config.yaml").is_file() or (result is not None and "compared" not in result):
                raise ValueError(f"{folder} is a run, not a compared mesh: {remedy}, or choose another study=")

    def __call__(self, candidate: Candidate) -> dict[str, Any]:
        """The result, as written; read again where nothing changed since."""
        out = self.folder(candidate)
        references = self._references(candidate)
        prepared = self._prepared(candidate)
        inputs = {
            "meshes": fingerprint_of_files([f for f in candidate.files if f.is_file()]),
            "groundtruth": fingerprint_of_files(references.files(candidate.object)),
            "prepared": "none" if prepared is None else fingerprint_of_files([prepared.path / MANIFESTS["cues"]]),
        }
        config = {"evaluate": self._job.plain("evaluate"), "error": candidate.error}
        fingerprint = stage_fingerprint("compare", config, inputs)
        before = read_result(out)
        if before is not None:
            known = {**before, "fingerprint": before["compared"].get("fingerprint")}
            if is_finished(known, fingerprint=fingerprint, retry=self._job.config.retry):
                return before
        for name in (RESULT, "mesh.ply", "mesh_visible.ply"):
            (out / name).unlink(missing_ok=True)
        result = self._result(candidate, references) | {"inputs": inputs}
        try:
            done = self._scorer(candidate, references, prepared, out)
            notes = done.pop("notes")
        except Exception as error:  # every failure of an object becomes its result
            if is_full_disk(error):
                raise
            logger.debug("where", exc_info=error)
            done = {"metrics": self._scorer.failed(candidate.object, references)}
            done |= {"status": "failed", "error": one_line(error)}
            notes = []
        result |= done
        result["compared"] |= {"notes": notes, "fingerprint": fingerprint}
        write_result(out, result)
        return result

    def _references(self, c: Candidate) -> References:
        truth = self._scenes[c.scene]
        if truth is None:
            return References(None, None)
        folder = truth.folder if truth.folder is not None and c.object in truth.objects else None
        return References(folder, truth.cad.get(c.object))

    def _prepared(self, c: Candidate) -> ObjectFolder | None:
        """The object's prepared views, when all stages of the preparation are done."""
        folder = self._job.prepared_folder(c.scene, c.object)
        done = (folder / "object.json").is_file() and (folder / MANIFESTS["cues"]).is_file()
        return ObjectFolder(folder) if done else None

    def _result(self, c: Candidate, references: References) -> dict[str, Any]:
        truth = self._scenes[c.scene]
        category = c.category or (truth.categories.get(c.object, "") if truth is not None else "")
        return {
            "status": "ok",
            "error": None,
            "scene": c.scene,
            "object": c.object,
            "category": category,
            "experiment": c.method,
            "ablation": c.ablation,
            "seed": int(c.seed) if c.seed.isdigit() else c.seed,
            **{"seconds": {}, "steps": None, "device": None, "encoding": None, "inpainter": None},
            "fingerprint": None,  # of the run, which nobody knows
            "versions": {"o2recon": package_version()},
            **{"metrics": None, "evidence": {}, "mesh": {}, "verdict": None},
            "groundtruth": None if references.folder is None else str(references.folder),
            "compared": {"meshes": [str(f) for f in c.files]},
        }


# ---- what is told ----


def _described(found: Found) -> str:
    scenes = sorted({c.scene for c in found.candidates})
    methods = sorted({c.method for c in found.candidates})
    named = ", ".join(scenes[:4]) + (f" and {len(scenes) - 4} more" if len(scenes) > 4 else "")
    return f"{found.folder}: {found.layout}, {len(found.candidates)} objects of {named} by {', '.join(methods)}"


def _uncovered(candidates: list[Candidate]) -> list[str]:
    """Methods without anything of a scene that others have: their means are over other objects."""
    covered: dict[str, set[str]] = {}
    for c in candidates:
        covered.setdefault(c.method, set()).add(c.scene)
    everything = set().union(*covered.values())
    lacking = {method: ", ".join(sorted(everything - scenes)) for method, scenes in covered.items()}
    told = "not compared there, so its means are over fewer scenes than others'"
    return [f"{method} has nothing of {scenes}: {told}" for method, scenes in lacking.items() if scenes]


def _described_truth(scene: str, truth: SceneTruth | None, candidates: list[Candidate]) -> str:
    if truth is None:
        return f"{scene}: no ground truth (groundtruth=FOLDER gives it): its objects are not scored"
    text = f"{scene}: truth is {' and '.join(truth.kinds)}, {len(truth.objects)} objects"
    if truth.folder is not None:
        text += f", in {truth.folder}"
    compared = {c.object for c in candidates if c.scene == scene}
    lacking = sorted(compared - set(truth.cad)) if truth.cad and truth.folder is not None else []
    if lacking:
        text += f"\n{scene}: skipped against CAD points, of which there are none: object {', '.join(map(str, lacking))}"
    return text


def _print_remarks(console: Console, results: list[dict[str, Any]], scenes: dict[str, SceneTruth | None]) -> None:
    """Objects that failed or were not scored, and what is particular about others."""
    said: dict[tuple[str, str], list[str]] = {}
    for result in results:
        remarks = list(result["compared"]["notes"])
        if result["status"] == "failed":
            remarks = [f"failed, counts as F = 0: {result['error']}"]
        elif result["metrics"] is None and scenes[result["scene"]] is not None:
            remarks = ["not scored: it has no ground truth"]
        for remark in remarks:
            said.setdefault((_method(result), remark), []).append(str(result["object"]))
    for (method, remark), objects in said.items():
        line = f"{method}, object {', '.join(objects)}: {remark}"
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _method(result: dict[str, Any]) -> str:
    return f"{result['experiment']}, {result['scene']}"
