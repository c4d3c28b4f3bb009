"""A furnished room, scanned: writes the layout of an exported ScanNet scene with exact truth."""

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float

from o2recon.files import folder_written_atomically
from o2recon.manifest import is_current, write_manifest
from o2recon.progress import track
from o2recon.scene.synth import files
from o2recon.scene.synth.camera_path import hand_held
from o2recon.scene.synth.layout import Item, Placed, arrange, checked_items
from o2recon.scene.synth.render import Rendered, Room, joined
from o2recon.scene.synth.sensor import Sensor
from o2recon.scene.synth.shell import LABELS, furniture_surfaces, lights_of, shell
from o2recon.scene.synth.truth import Silhouette, hidden_shares, seen_by_any, sketch, sketched_views, truth_points
from o2recon.types import Camera
from o2recon.workspace import depth_to_millimetres, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Taken:
    """What stays in memory of a written view."""

    depth: Float[np.ndarray, "height width"]
    visible: tuple[int, ...]
    whole: tuple[int, ...]


class SyntheticRoom:
    """A room of procedural furniture, scanned by a hand-held depth camera.

    `objects`: kinds of furniture, or mappings with the fields of `layout.Item`; scored ones get the instance ids 1, 2
    ... in this order. `focal`: focal length in image widths. `arc` (degrees), `distance` and `camera_height` (metres):
    the walk around the furniture. `num_points`: samples of each object's true surface. Everything follows from `seed`.
    """

    def __init__(
        self,
        *,
        objects: Sequence[Any],
        seed: int,
        room_size: Sequence[float | int],
        num_views: int,
        width: int,
        height: int,
        focal: float | int,
        arc: float | int,
        distance: float | int,
        camera_height: Sequence[float | int],
        sensor: Sensor,
        ambient: float | int,
        num_points: int,
        scan_edge: float | int,
        workers: int,
    ) -> None:
        if num_views < 1 or width < 16 or height < 16:
            raise ValueError(
                f"synth: {num_views} views of {width} x {height} pixels; at least 1 view of 16 x 16 is needed"
            )
        self.items = checked_items([entry if isinstance(entry, str | Item) else dict(entry) for entry in objects])
        self.seed = seed
        self.room_size = tuple(float(x) for x in room_size)
        self.num_views = num_views
        self.camera = Camera(
            np.array([[focal * width, 0, width / 2], [0, focal * width, height / 2], [0, 0, 1.0]]), width, height
        )
        self.arc = arc
        self.distance = distance
        self.camera_height = tuple(camera_height)
        self.sensor = sensor
        self.ambient = ambient
        self.num_points = num_points
        self.scan_edge = scan_edge
        self.workers = workers

    def settings(self) -> dict[str, Any]:
        """Everything the room follows from, as plain values."""
        plain = {k: v for k, v in vars(self).items() if k not in ("items", "camera", "sensor", "workers")}
        plain |= {"objects": [vars(item) for item in self.items], "sensor": vars(self.sensor)}
        plain |= {"intrinsics": self.camera.intrinsics.tolist(), "size": [self.camera.width, self.camera.height]}
        return json.loads(json.dumps(plain))

    def arrange(self) -> tuple[Placed, ...]:
        """The furniture in its places."""
        return arrange(self.items, self.room_size, self.seed)

    def poses(self, placed: Sequence[Placed]) -> Float[np.ndarray, "views 4 4"]:
        """camera_to_world of every view."""
        return hand_held(
            placed,
            self.room_size,
            num_views=self.num_views,
            arc=self.arc,
            distance=self.distance,
            height=self.camera_height,
            seed=self.seed,
        )

    def furnished(self, placed: Sequence[Placed]) -> Room:
        """The room to cast rays at."""
        surfaces = shell(self.room_size, self.seed) + furniture_surfaces(placed)
        return Room(surfaces=surfaces, lights=lights_of(self.room_size), ambient=self.ambient)

    def write(self, folder: Path) -> Path:
        """The scanned room as a ScanNet scene named like the folder. A room of the same settings is left as it is, one
        of other settings replaced; ValueError when the folder holds anything else or the furniture does not fit."""
        manifest = folder / "manifest.json"
        if is_current(manifest, stage="synth", config=self.settings(), inputs={}):
            log.info("%s is up to date", folder)
            return folder
        if folder.exists() and not manifest.is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"{folder} exists and is no synthetic room: name another folder or remove it")
        placed = self.arrange()
        poses, room = self.poses(placed), self.furnished(placed)
        with folder_written_atomically(folder) as temporary:
            taken = self._write_views(temporary, room, placed, poses)
            records = self._write_truth(temporary, room, placed, poses, taken)
            self._write_scan(temporary, folder.name, room, placed, poses, taken)
            files.write_intrinsics(temporary, self.camera)
            files.write_label_table(temporary)
            write_json(temporary / "instances.json", records)
            files.write_readme(temporary, folder.name, records)
            write_manifest(temporary / "manifest.json", stage="synth", config=self.settings(), inputs={}, notes={})
        return folder

    def _write_views(
        self, folder: Path, room: Room, placed: Sequence[Placed], poses: Float[np.ndarray, "views 4 4"]
    ) -> list[_Taken]:
        gains = self.sensor.gains(len(poses), np.random.default_rng([self.seed, 5]))
        silhouettes = [Silhouette(p.mesh) for p in placed if p.instance]

        def take(view: int) -> _Taken:
            rng = np.random.default_rng([self.seed, 6, view])
            rendered = room.render(self.camera, poses[view], rng)
            self._write_view(folder, view, rendered, float(gains[view]), poses[view], rng)
            visible, whole = [], []
            for instance, silhouette in enumerate(silhouettes, 1):
                seen = rendered.instance == instance
                mask = silhouette.mask(self.camera, poses[view]) | seen
                files.write_png(folder / "amodal" / str(instance) / f"{view}.png", mask)
                visible.append(int(seen.sum()))
                whole.append(int(mask.sum()))
            return _Taken(rendered.depth.astype(np.float32), tuple(visible), tuple(whole))

        first = take(0)
        with ThreadPoolExecutor(self.workers) as pool:
            rest = pool.map(take, range(1, len(poses)))
            return [first, *track(rest, description="views", total=len(poses) - 1)]

    def _write_view(
        self, folder: Path, view: int, rendered: Rendered, gain: float, pose: np.ndarray, rng: np.random.Generator
    ) -> None:
        depth = self.sensor.depth(rendered.depth, rendered.incidence_cosine, rng)
        files.write_jpeg(folder / "color" / f"{view}.jpg", self.sensor.color(rendered.color, gain, rng))
        files.write_png(folder / "depth" / f"{view}.png", depth_to_millimetres(depth))
        files.write_png(folder / "instance-filt" / f"{view}.png", rendered.instance.astype(np.uint8))
        files.write_png(folder / "label-filt" / f"{view}.png", rendered.label.astype(np.uint16))
        files.write_matrix(folder / "pose" / f"{view}.txt", pose)

    def _write_truth(
        self, folder: Path, room: Room, placed: Sequence[Placed], poses: np.ndarray, taken: Sequence[_Taken]
    ) -> list[dict[str, Any]]:
        depths = [view.depth for view in taken]
        records = []
        for piece in placed:
            if not piece.instance:
                continue
            i = piece.instance
            truth = truth_points(piece.mesh, self.camera, poses, depths, room, count=self.num_points, seed=self.seed)
            files.write_truth_mesh(folder, i, piece.mesh)
            files.write_truth_points(folder, i, truth.points, truth.normals, truth.seen)
            self._write_sketches(folder, i, [t.whole[i - 1] - t.visible[i - 1] for t in taken])
            shares = hidden_shares(
                [t.visible[i - 1] for t in taken],
                [t.whole[i - 1] for t in taken],
                self.camera.width * self.camera.height,
            )
            records.append(_record(piece, float(1 - truth.seen.mean()), shares))
        return records

    def _write_sketches(self, folder: Path, instance: int, hidden_areas: Sequence[int]) -> None:
        for view in sketched_views(hidden_areas):
            whole = files.read_png(folder / "amodal" / str(instance) / f"{view}.png") > 0
            visible = files.read_png(folder / "instance-filt" / f"{view}.png") == instance
            painted = sketch(whole & ~visible, np.random.default_rng([self.seed, 7, instance, view]))
            files.write_png(folder / "sketches" / str(instance) / f"{view}_class_inpaint mask.png", painted)

    def _write_scan(
        self, folder: Path, name: str, room: Room, placed: Sequence[Placed], poses: np.ndarray, taken: Sequence[_Taken]
    ) -> None:
        """The surface that some view saw, in small triangles."""
        depths = [view.depth for view in taken]
        meshes = [(s.mesh, 0) for s in shell(self.room_size, self.seed)] + [(p.mesh, p.instance) for p in placed]
        parts = [(scanned(mesh, room, self.scan_edge, self.camera, poses, depths), i) for mesh, i in meshes]
        seen = [mesh for mesh, _ in parts if len(mesh.faces)]
        instances = [np.full(len(mesh.vertices), i) for mesh, i in parts if len(mesh.faces)]
        categories = [p.furniture.category for p in placed if p.instance]
        files.write_scan(folder, name, joined(seen), np.concatenate(instances), categories)


def scanned(
    whole: trimesh.Trimesh,
    room: Room,
    edge: float,
    camera: Camera,
    poses: Float[np.ndarray, "views 4 4"],
    depths: Sequence[Float[np.ndarray, "height width"]],
) -> trimesh.Trimesh:
    """The seen part of a surface as coloured triangles with edges up to `edge` metres."""
    vertices, faces = trimesh.remesh.subdivide_to_size(whole.vertices, whole.faces, edge)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.update_faces(seen_by_any(mesh.triangles_center, mesh.face_normals, camera, poses, depths, room))
    mesh.remove_unreferenced_vertices()
    if not len(mesh.faces):
        return mesh
    color = np.rint(room.albedo_at(mesh.vertices, mesh.vertex_normals) * 255)
    rgba = np.column_stack([color, np.full(len(color), 255)]).astype(np.uint8)
    return trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=rgba, process=False)


def _record(piece: Placed, unseen: float, hidden: Float[np.ndarray, "views"]) -> dict[str, Any]:
    """One row of instances.json."""
    mesh = piece.mesh
    return {
        "instance": piece.instance,
        "category": piece.furniture.category,
        "label_id": LABELS[piece.furniture.category][0],
        "model": piece.furniture.kind,
        "watertight": bool(mesh.is_watertight),
        "volume_m3": round(float(mesh.volume), 5),
        "area_m2": round(float(mesh.area), 3),
        "views": len(hidden),
        "unseen_share": round(unseen, 4),
        "mean_hidden_share_of_silhouette": round(float(hidden.mean()), 4) if len(hidden) else None,
        "median_hidden_share_of_silhouette": round(float(np.median(hidden)), 4) if len(hidden) else None,
    }
