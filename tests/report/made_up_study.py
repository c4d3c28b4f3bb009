"""A made-up study of closed-form meshes, laid out as interface.md says."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh

from o2recon.types import Camera, ObjectFrame, ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder, write_image

SIZE = (120, 160)


def shape(name: str, *, fine: float = 0.02) -> trimesh.Trimesh:
    """A closed mesh near (2, 1, 0.5): "ball", "box" or "chair" (boxes side by side)."""
    if name == "ball":
        mesh = trimesh.creation.icosphere(subdivisions=4, radius=0.3)
        mesh.apply_translation([2, 1, 0.3])
        return mesh
    parts = [([0.5, 0.5, 0.5], [0, 0, 0.25])]
    if name == "chair":
        parts = [([0.5, 0.5, 0.06], [0, 0, 0.45]), ([0.5, 0.06, 0.5], [0, 0.22, 0.73])]
        parts += [([0.06, 0.06, 0.42], [0.2 * x, 0.2 * y, 0.21]) for x in (-1, 1) for y in (-1, 1)]
    pieces = []
    for extents, center in parts:
        piece = trimesh.creation.box(extents=extents)
        piece.apply_translation(np.add(center, [2, 1, 0]))
        pieces.append(piece)
    mesh = trimesh.util.concatenate(pieces)
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, fine)
    return trimesh.Trimesh(vertices, faces, process=False)


def write_ply(file: Path, mesh: trimesh.Trimesh) -> None:
    """mesh.ply with colours, `evidence` and `source`: upper part seen, then in-painted, bottom guessed."""
    low, high = mesh.bounds[:, 2]
    height = (mesh.vertices[:, 2] - low) / max(high - low, 1e-9)
    source = np.select([height > 0.5, height > 0.2], [2, 1], 0).astype(np.uint8)
    evidence = np.select([source == 2, source == 1], [1.0, height], 0.0).astype(np.float32)
    stripes = (np.floor(mesh.vertices.sum(1) * 12) % 2)[:, None]
    mesh.visual.vertex_colors = np.where(stripes, [170, 120, 70, 255], [210, 170, 110, 255]).astype(np.uint8)
    mesh.vertex_attributes["evidence"] = evidence
    mesh.vertex_attributes["source"] = source
    mesh.export(file, vertex_normal=False)


def metrics(value: float) -> dict[str, Any]:
    """Numbers of one part, all made from `value` in [0, 1]."""
    content = {"accuracy_cm": 2 - value, "completeness_cm": 2.5 - value, "chamfer_cm": 2.25 - value}
    for t in (1, 2, 5, 10):
        for kind in ("precision", "recall", "f_score"):
            content[f"{kind}_{t}cm"] = min(1.0, value * (0.6 + 0.04 * t))
    return {**content, "normal_consistency": 0.9, "normal_consistency_signed": 0.88}


def write_run(study: Path, method: tuple[str, str], place: tuple[str, int], *, seed: int = 0, **changes: Any) -> Path:
    """One ok run with a chair as its mesh; `changes` overwrite keys of result.json."""
    folder = study.joinpath(*method, place[0], str(place[1]), f"seed_{seed}")
    folder.mkdir(parents=True)
    result = {
        "status": "ok",
        "error": None,
        "scene": place[0],
        "object": place[1],
        "category": "chair",
        "experiment": method[0],
        "ablation": method[1],
        "seed": seed,
        "seconds": {"masks": 3.2, "inpaint": 4.8, "train": 61.5, "mesh": 9.9, "evaluate": 2.0},
        "steps": 2000,
        "device": "4 cores",
        "encoding": "torch",
        "inpainter": "classical",
        "fingerprint": "0123456789abcdef",
        "versions": {"o2recon": "0.1.0", "torch": "2.13.0"},
        "metrics": {"complete": {**metrics(0.9), "iou": 0.71}, "visible": metrics(0.95), "hidden": metrics(0.7)},
        "evidence": {"seen": 0.52, "inpainted": 0.2, "guessed": 0.28},
        "mesh": {"vertices": 5000, "faces": 9996, "watertight": True, "components": 1, "volume_m3": 0.021},
        "verdict": {
            "grade": "good",
            "reason": "held-out depth agrees within 0.8 cm; a quarter of the surface is guessed",
            "held_out_depth_residual_cm": 0.8,
            "silhouette_iou": 0.93,
        },
        "groundtruth": None,
    }
    result.update(changes)
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text("experiment: quick\nscene:\n  root: nowhere\n")
    if result["status"] == "ok":
        write_ply(folder / "mesh.ply", shape("chair"))
        steps = "".join(f"{i},{0.3 / (1 + i):.4f},{20 + i / 10}\n" for i in range(40))
        (folder / "metrics.csv").write_text("step,train/loss,val/psnr_db\n" + steps)
    return folder


def write_prepared(work: Path, place: tuple[str, int], *, num_views: int = 9) -> ObjectFolder:
    """work/<scene>/objects/<object>/ with pictures of a disc behind a bar."""
    folder = ObjectFolder(work / place[0] / "objects" / str(place[1]))
    height, width = SIZE
    camera = Camera(np.array([[130.0, 0, width / 2], [0, 130.0, height / 2], [0, 0, 1]]), width, height)
    pose = np.eye(4)
    pose[:3, 3] = [2.0, -1.5, 1.2]
    views = tuple(ViewRecord(10 * i, camera, pose, float(i), i % 8 == 7) for i in range(num_views))
    frame = ObjectFrame(np.array([2.0, 1.0, 0.5]), np.eye(3), np.array([0.3, 0.3, 0.5]))
    folder.write_record(ObjectRecord(place[0], place[1], "chair", frame, views, 0.0))
    v, u = np.mgrid[:height, :width]
    for i, view in enumerate(views):
        disc = (u - 60 - 4 * i) ** 2 + (v - 60) ** 2 < 900
        bar = (v > 70) & (v < 84)
        picture = np.stack([90 + u // 2, 90 + v, 150 - u // 3], -1).astype(np.uint8)
        picture[disc] = [190, 140, 90]
        painted = picture.copy()
        picture[bar] = [70, 80, 100]
        write_image(folder.image("images", view.index), picture)
        write_image(folder.image("masks/visible", view.index), disc & ~bar)
        write_image(folder.image("masks/hidden", view.index), disc & bar)
        write_image(folder.image("masks/possible", view.index), bar & ~disc & (np.abs(u - 60 - 4 * i) < 40))
        write_image(folder.image("masks/unknown", view.index), np.zeros(SIZE, bool))
        write_image(folder.image("inpainted/image", view.index), cv2.GaussianBlur(painted, (3, 3), 0))
        confidence = np.where(disc & bar, 40 + 2 * (u - u[disc].min()), 255 * (disc & ~bar)).clip(0, 255)
        write_image(folder.image("inpainted/confidence", view.index), confidence.astype(np.uint8))
    return folder


def write_truth(scene: Path, object_id: int) -> Path:
    """<scene>/groundtruth/<object>.ply (a slightly taller chair) and instances.json. Returns the groundtruth folder."""
    folder = scene / "groundtruth"
    folder.mkdir(parents=True, exist_ok=True)
    mesh = shape("chair", fine=0.5)
    mesh.apply_scale([1, 1, 1.04])
    mesh.export(folder / f"{object_id}.ply")
    facts = [
        {"instance": object_id, "unseen_share": 0.47, "median_hidden_share_of_silhouette": 0.31, "model": "Chair <A>"}
    ]
    (scene / "instances.json").write_text(json.dumps(facts))
    return folder


def write_large_study(root: Path, *, objects: int, methods: int, seeds: int, faces: int) -> tuple[Path, Path]:
    """outputs/large and work: every method on every object, meshes of at least `faces` faces with noise on them.

    The first method is ours, then an ablation of it, somebody else's, and baselines; the last object fails once, and
    the last method lacks the first object. Returns the folders of the study and of the prepared data.
    """
    names = [("quick", "none"), ("quick", "no_inpaint"), ("somebody", "none"), ("tsdf", "none"), ("hull", "none")]
    generator = np.random.default_rng(0)
    study, work, scan = root / "outputs" / "large", root / "work", root / "scan"
    mesh = shape("chair", fine=1.6 * np.sqrt(4 / faces))
    for number in range(1, objects + 1):
        truth = write_truth(scan, number)
        points = np.asarray(shape("chair", fine=0.03).vertices) * [1, 1, 1.04]
        np.savez(truth / f"{number}_points.npz", points=points, seen=points[:, 2] > 0.5)
        write_prepared(work, ("room", number))
        for m, method in enumerate(names[:methods]):
            if m == methods - 1 and number == 1:
                continue
            for seed in range(seeds):
                value = 0.9 - 0.1 * m - 0.2 * (number / objects) + 0.05 * generator.standard_normal()
                parts = {"complete": {**metrics(value), "iou": value}, "visible": metrics(value + 0.05)}
                changes: dict[str, Any] = {"metrics": {**parts, "hidden": metrics(value - 0.2)}}
                changes |= {"groundtruth": str(truth), "category": ("chair", "table", "lamp")[number % 3]}
                changes |= {"compared": {}, "seconds": {}} if method[0] == "somebody" else {}
                failed = m == 0 and number == objects and seed == 0
                if failed:
                    changes |= {"status": "failed", "error": "RuntimeError: out of memory", "metrics": None}
                folder = write_run(study, method, ("room", number), seed=seed, **changes)
                if not failed:
                    noisy = mesh.copy()
                    noisy.vertices += generator.normal(0, 0.002 * (1 + m), noisy.vertices.shape)
                    write_ply(folder / "mesh.ply", noisy)
    return study, work
