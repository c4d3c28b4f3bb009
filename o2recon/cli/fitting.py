"""Train, mesh and evaluate one prepared object; training is skipped when it was done with the same config and data.

A baseline replaces training and the field's mesh: its own mesh gets the same files and scores.
"""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.cli.build import build
from o2recon.cli.errors import MissingStage, one_line
from o2recon.cli.job import Job
from o2recon.cli.prepare import timed
from o2recon.cli.table import FITTING
from o2recon.cli.truth import truth_files, truth_folder
from o2recon.evaluate import find_truth
from o2recon.field import SurfaceColor
from o2recon.manifest import altered, is_current, write_manifest
from o2recon.scene import Scene
from o2recon.sweep import MESH, MESHED, TRAINED, with_network
from o2recon.train import Ddp, PoseRefinement, Semantic, Watch, build_field, load_field
from o2recon.transforms import world_to_object
from o2recon.types import ObjectRecord
from o2recon.workspace import ObjectFolder

logger = logging.getLogger(__name__)
CHECKPOINT = "checkpoints/last.ckpt"
MESHES = (MESH, "mesh.glb", "mesh_visible.ply")


class Fitting:
    """The stages after the preparation, built from the config once and used for every object of a scene."""

    def __init__(self, job: Job, scene: Scene) -> None:
        self._job, self._device = job, job.device
        self._fit = build(job.config.train)
        self._ddp: Ddp | None = build(job.config.trainer) or None
        self._processes = 1 if self._ddp is None else len(self._ddp.places(torch.device(self._device)))
        self._baseline: Any = build(job.config.baseline) if job.config.baseline else None
        during = job.config.poses.get("in_training")
        self._poses: PoseRefinement | None = build(during) if during else None
        self._semantic: Semantic | None = build(job.config.semantic) or None
        self._mesher = build(job.config.mesh)
        self._evaluator = build(job.config.evaluate)
        self._truth = truth_folder(job, scene)
        self._parts = with_network({group: job.plain(group) for group in FITTING}, self.semantic_network)
        self._parts["train"].pop("device", None)

    def __call__(
        self,
        scene: Scene,
        folder: ObjectFolder,
        out: Path,
        prepared: str,
        stages: tuple[str, ...],
        *,
        resume: bool,
        watch: Watch,
    ) -> dict[str, Any]:
        """Run `stages` of train, mesh, evaluate in `out`; gives their part of `result.json`.

        `scene`: with the object's own poses. `prepared`: fingerprint of the data in `folder`. `watch` is told
        training's curves.
        """
        inputs = {"prepared": prepared}
        if self._baseline is not None:
            done = self._baseline_mesh(scene, folder, out, inputs, stages)
        else:
            done = self._field_mesh(folder, out, inputs, stages, resume=resume, watch=watch)
        seconds = done.pop("seconds")
        if "evaluate" in stages:
            evaluation, seconds["evaluate"] = timed(lambda: self._evaluator(out / MESH, folder, self._truth))
            done |= {"metrics": evaluation.metrics, "verdict": evaluation.verdict, "truth": evaluation.truth}
            done["mesh"] = (done.get("mesh") or {}) | evaluation.mesh
            done["groundtruth"] = self.groundtruth(folder.read_record().object)
        return done | {"seconds": {k: round(v, 2) for k, v in seconds.items() if v is not None}}

    def require(self, out: Path, prepared: str, stages: tuple[str, ...]) -> None:
        """MissingStage, before anything in `out` is touched, when the stage before the first of `stages` was not run.

        An evaluation needs the mesh alone: `clean` may have deleted what it was made from.
        """
        inputs = {"prepared": prepared}
        if stages[0] == "mesh" and self._baseline is None:
            self._require(out / TRAINED, "train", inputs)
            if not (out / CHECKPOINT).is_file():
                raise MissingStage(f"{out / CHECKPOINT} is gone: run 'o2recon train' with the same options first")
        elif stages[0] == "evaluate":
            self._require_mesh(out, inputs)

    @property
    def semantic_network(self) -> str | None:
        """The network of the semantic loss; None where it is off."""
        if self._semantic is None or self._semantic.obstacle(self._device) is not None:
            return None
        return self._semantic.encoder.identity

    def truth_files(self, object_id: int) -> list[Path]:
        """The files that say what this object really is."""
        return truth_files(self._truth, object_id)

    def groundtruth(self, object_id: int) -> str | None:
        """Folder of this object's truth for `result.json`; None when it has none."""
        return str(self._truth) if self.truth_files(object_id) else None

    def failed_metrics(self, object_id: int) -> dict[str, Any] | None:
        """What an object without a mesh scores: 0 where shares are counted; None without a truth that can be read."""
        try:
            truth = find_truth(self._truth, object_id)
        except (ValueError, OSError) as error:
            logger.warning("the truth of object %d cannot be read: %s", object_id, one_line(error))
            return None
        return None if truth is None else self._evaluator.metrics(None, None, truth)

    def _config(self, stage: str) -> dict[str, Any]:
        if self._baseline is not None:
            return {"baseline": self._job.plain("baseline"), "mesh": self._job.plain("mesh")}
        config = {**self._parts, "seed": self._job.config.seed}
        if self._poses is not None:
            config["poses"] = self._job.plain("poses")["in_training"]
        return config | {"mesh": self._job.plain("mesh")} if stage == "mesh" else config

    def _field_mesh(
        self,
        folder: ObjectFolder,
        out: Path,
        inputs: dict[str, str],
        stages: tuple[str, ...],
        *,
        resume: bool,
        watch: Watch,
    ) -> dict[str, Any]:
        """Our own method up to the mesh; the notes of what is there after `stages`, `seconds` by stage."""
        field = self._train(folder, out, inputs, resume=resume, watch=watch) if "train" in stages else None
        if "mesh" in stages:
            self._mesh(field if field is not None else self._trained(out), folder, out, inputs)
        done = _notes(out / TRAINED) if (out / TRAINED).is_file() else {}
        seconds = {"train": done.pop("seconds", None)}
        if (out / MESHED).is_file():
            meshed = _notes(out / MESHED)
            seconds["mesh"] = meshed.pop("seconds")
            done |= meshed
        return done | {"seconds": seconds}

    def _baseline_mesh(
        self, scene: Scene, folder: ObjectFolder, out: Path, inputs: dict[str, str], stages: tuple[str, ...]
    ) -> dict[str, Any]:
        """The same for a baseline: it has nothing to train."""
        if "mesh" in stages:
            (out / MESHED).unlink(missing_ok=True)
            logger.info("object %s: %s", folder.path.name, self._job.experiment)
            mesh, seconds = timed(lambda: self._baseline(scene, folder))
            views = (folder.read_view(v) for v in folder.read_record().views)
            clean = bool(mesh.is_watertight)
            result, finishing = timed(lambda: self._mesher.finish(mesh, None, views, out, clean=clean))
            times = {"baseline": seconds, "mesh": finishing}
            notes = {"device": "cpu", "mesh": result.summary, "evidence": result.shares, "seconds": times}
            self._write_meshed(out, inputs, notes)
        elif "evaluate" not in stages:
            logger.info("%s has nothing to train: go on with 'o2recon mesh'", self._job.experiment)
        return _notes(out / MESHED) if (out / MESHED).is_file() else {"seconds": {}}

    def _trained(self, out: Path) -> nn.Module:
        """The field of a finished training, built from this run's own config and not from the checkpoint's."""
        return load_field(out / CHECKPOINT, config=self._parts["field"])

    def _trained_before(self, out: Path) -> nn.Module | None:
        """The same of a training with this config; None when its checkpoint is gone, or damaged and so deleted."""
        what = altered(out / TRAINED)
        if what is None:
            try:
                field = self._trained(out)
            except ValueError as error:  # of manifests without digests
                what = one_line(error)
            else:
                logger.info("already trained: %s", out / CHECKPOINT)
                return field
        logger.warning("%s: training goes on from the checkpoint before it, or starts again", what)
        (out / CHECKPOINT).unlink(missing_ok=True)
        return None

    def _train(
        self, folder: ObjectFolder, out: Path, inputs: dict[str, str], *, resume: bool, watch: Watch
    ) -> nn.Module:
        config, manifest = self._config("train"), out / TRAINED
        current = is_current(manifest, stage="train", config=config, inputs=inputs)
        if resume and current and (before := self._trained_before(out)) is not None:
            return before
        manifest.unlink(missing_ok=True)
        self._say_without_semantic()
        field = build_field(self._parts["field"], seed=self._job.config.seed)
        module, seconds = timed(
            lambda: self._fit(
                folder,
                out,
                data=build(self._job.config.data),
                field=field,
                renderer=build(self._job.config.render),
                losses=build(self._job.config.loss),
                seed=self._job.config.seed,
                semantic=self._semantic if self.semantic_network else None,
                config=config | {"inputs": inputs},
                resume=resume,
                watch=watch,
                ddp=self._ddp,
                poses=self._poses,
            )
        )
        notes = {
            "steps": module.step,
            "device": self._device_name(),
            "encoding": encoding_of(field, self._device),
            "semantic": self.semantic_network,
            "sample_share": module.data.sample_share,
            "seconds": seconds,
        }
        if module.pose_notes is not None:
            notes["poses_in_training"] = module.pose_notes
        outputs = [out / CHECKPOINT]
        write_manifest(manifest, stage="train", config=config, inputs=inputs, notes=notes, outputs=outputs)
        return field

    def _device_name(self) -> str:
        name = torch.cuda.get_device_name(self._device) if self._device.startswith("cuda") else self._device
        return f"{self._processes} x {name}" if self._processes > 1 else name

    def _say_without_semantic(self) -> None:
        if self._semantic is not None and (obstacle := self._semantic.obstacle(self._device)):
            logger.info("without the semantic loss: %s", obstacle)

    def _mesh(self, field: nn.Module, folder: ObjectFolder, out: Path, inputs: dict[str, str]) -> None:
        (out / MESHED).unlink(missing_ok=True)
        field = field.to(self._device).eval()
        color = SurfaceColor(field, looking_directions(folder.read_record()))
        sdf = field.sdf
        result, seconds = timed(lambda: self._mesher(sdf, color, folder, out, device=self._device))
        notes = {"mesh": result.summary, "evidence": result.shares, "seconds": seconds}
        self._write_meshed(out, inputs, notes)

    def _write_meshed(self, out: Path, inputs: dict[str, str], notes: dict[str, Any]) -> None:
        files = [*(out / name for name in MESHES), *out.glob("renders/*.png")]
        config = self._config("mesh")
        write_manifest(out / MESHED, stage="mesh", config=config, inputs=inputs, notes=notes, outputs=files)

    def _require_mesh(self, out: Path, inputs: dict[str, str]) -> None:
        self._require(out / MESHED, "mesh", inputs)
        if not (out / MESH).is_file():
            raise MissingStage(f"{out / MESH} is gone: run 'o2recon mesh' with the same options first")

    def _require(self, manifest: Path, stage: str, inputs: dict[str, str]) -> None:
        """MissingStage unless `stage` was done with these options, and its files are as it left them."""
        if not is_current(manifest, stage=stage, config=self._config(stage), inputs=inputs):
            state = "was made with other options or data" if manifest.is_file() else "is missing"
            raise MissingStage(f"{manifest} {state}: run 'o2recon {stage}' with the same options first")
        if (what := altered(manifest)) is not None:
            raise MissingStage(f"{what}: run 'o2recon {stage}' with the same options first")


def looking_directions(record: ObjectRecord, *, at_most: int = 12) -> Float[Tensor, "views 3"]:
    """Unit directions from training's cameras to the object, in its frame; evenly chosen when there are more."""
    poses = [view.camera_to_world for view in record.views if not view.held_out]
    chosen = np.linspace(0, len(poses) - 1, min(at_most, len(poses)), dtype=int)
    centers = np.array([poses[i][:3, 3] for i in chosen])
    away = -world_to_object(record.frame, centers)
    return torch.from_numpy(away / np.linalg.norm(away, axis=1, keepdims=True)).float()


def encoding_of(field: nn.Module, device: str) -> str:
    """The encodings that really run on `device`, by class and backend."""
    names = []
    for encoding in (getattr(field, "coarse_encoding", None), getattr(field, "fine_encoding", None)):
        if encoding is not None:
            resolve = getattr(encoding, "resolve_backend", None)
            backend = f"({resolve(torch.device(device))})" if resolve else ""
            names.append(type(encoding).__name__ + backend)
    return "+".join(dict.fromkeys(names)) or type(field).__name__


def _notes(manifest: Path) -> dict[str, Any]:
    return dict(json.loads(manifest.read_text())["notes"])
