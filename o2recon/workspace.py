"""The folder of one prepared object: which file holds what. The only place that knows the names inside `work/`."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from o2recon.files import write_json, written_atomically
from o2recon.types import Camera, ObjectFrame, ObjectRecord, ObjectView, ViewRecord, Volume, VoxelGrid


def write_image(path: Path, image: np.ndarray) -> None:
    """An image file, RGB or one channel, written atomically. OSError when it cannot be written."""
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    ok, buffer = cv2.imencode(path.suffix, image[..., ::-1] if image.ndim == 3 else image, options)
    assert ok, path
    with written_atomically(path) as temporary:
        temporary.write_bytes(buffer.tobytes())


def read_image(path: Path) -> np.ndarray:
    """An image file as it is stored (RGB when it has colours). ValueError when missing or damaged."""
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"{path} cannot be read as an image: copy it again")
    return image[..., 2::-1] if image.ndim == 3 else image


def depth_to_millimetres(depth: np.ndarray) -> np.ndarray:
    """Metres -> uint16 millimetres, 0 = none."""
    return np.clip(np.rint(np.nan_to_num(depth) * 1000), 0, 65535).astype(np.uint16)


@dataclass(frozen=True)
class ObjectFolder:
    """`<work>/<scene>/objects/<object>/`: typed access to everything the stages before training leave there."""

    path: Path

    def image(self, kind: str, view: int) -> Path:
        """File of one view. `kind`: images, depth, masks/visible, inpainted/image, cues/normal ..."""
        suffix = {"images": ".jpg", "inpainted/image": ".jpg", "inpainted/normal": ".npz", "cues/normal": ".npz"}
        return self.path / kind / f"{view}{suffix.get(kind, '.png')}"

    @property
    def sketches(self) -> Path:
        """Folder of the sketches painted with `o2recon annotate`: one for every preparation of the object."""
        return self.path.parent.with_name("objects") / self.path.name / "sketches"

    def write_record(self, record: ObjectRecord) -> None:
        content = {
            "scene": record.scene,
            "object": record.object,
            "category": record.category,
            "units": "metres",
            "conventions": "camera_to_world in OpenCV axes, pixel centres at +0.5, world +z up",
            "floor": record.floor,
            "capture_to_world": None if record.capture_to_world is None else record.capture_to_world.tolist(),
            "frame": {k: getattr(record.frame, k).tolist() for k in ("center", "rotation", "half_extents")},
            "views": [
                {
                    "index": v.index,
                    "held_out": v.held_out,
                    "score": v.score,
                    "width": v.camera.width,
                    "height": v.camera.height,
                    "intrinsics": v.camera.intrinsics.tolist(),
                    "camera_to_world": v.camera_to_world.tolist(),
                    **({"correction_degrees_cm": list(v.correction)} if v.correction is not None else {}),
                }
                for v in record.views
            ],
        }
        write_json(self.path / "object.json", content)

    def read_record(self) -> ObjectRecord:
        """ValueError when the object was not prepared."""
        file = self.path / "object.json"
        if not file.is_file():
            raise ValueError(f"{file} is missing: run 'o2recon prepare' for this object first")
        content = json.loads(file.read_text())
        views = tuple(
            ViewRecord(
                index=v["index"],
                camera=Camera(np.array(v["intrinsics"]), v["width"], v["height"]),
                camera_to_world=np.array(v["camera_to_world"]),
                score=v["score"],
                held_out=v["held_out"],
                correction=tuple(v["correction_degrees_cm"]) if "correction_degrees_cm" in v else None,
            )
            for v in content["views"]
        )
        frame = ObjectFrame(**{k: np.array(x, float) for k, x in content["frame"].items()})
        moved = content.get("capture_to_world")
        return ObjectRecord(
            *(content["scene"], content["object"], content["category"], frame, views, content["floor"]),
            capture_to_world=None if moved is None else np.array(moved, float),
        )

    def write_volume(self, volume: Volume) -> None:
        with written_atomically(self.path / "hull.npz") as temporary, open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                permitted=volume.permitted,
                sdf=volume.sdf.astype(np.float16),
                evidence=volume.evidence.astype(np.float16),
                spacing=volume.grid.spacing,
                **{k: getattr(volume.grid.frame, k) for k in ("center", "rotation", "half_extents")},
            )

    def read_volume(self) -> Volume:
        """ValueError when the volume stage did not run."""
        file = self.path / "hull.npz"
        if not file.is_file():
            raise ValueError(f"{file} is missing: run 'o2recon prepare' for this object first")
        with np.load(file) as d:
            frame = ObjectFrame(d["center"], d["rotation"], d["half_extents"])
            grid = VoxelGrid(frame, float(d["spacing"]), d["permitted"].shape)
            return Volume(grid, d["permitted"], d["sdf"].astype(np.float32), d["evidence"].astype(np.float32))

    def write_normal(self, kind: str, view: int, normal: np.ndarray) -> None:
        """Camera-frame normals as float16; 8 bits would cost 0.35 degrees and a bias."""
        with written_atomically(self.image(kind, view)) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, normal=normal.astype(np.float16))

    def read_normal(self, kind: str, view: int) -> np.ndarray:
        with np.load(self.image(kind, view)) as d:
            return d["normal"].astype(np.float32)

    def write_depth(self, kind: str, view: int, depth: np.ndarray) -> None:
        write_image(self.image(kind, view), depth_to_millimetres(depth))

    def read_depth(self, kind: str, view: int) -> np.ndarray:
        return read_image(self.image(kind, view)).astype(np.float32) / 1000

    def drop(self, kind: str) -> None:
        """Delete the files of one kind, when there are any."""
        shutil.rmtree(self.path / kind, ignore_errors=True)

    def read_mask(self, kind: str, view: int) -> np.ndarray:
        return read_image(self.image(kind, view)) > 0

    def read_view(self, view: ViewRecord) -> ObjectView:
        """One view with all that training needs: in-painted colour, completed depth, cue normals, masks, confidence.

        The depth is that of the cues where there is one beside the sensor's.
        """
        i = view.index
        is_cued = self.image("cues/depth", i).is_file()
        return ObjectView(
            index=i,
            camera=view.camera,
            camera_to_world=view.camera_to_world,
            color=read_image(self.image("inpainted/image", i)),
            depth=self.read_depth("depth", i),
            visible=self.read_mask("masks/visible", i),
            hidden=self.read_mask("masks/hidden", i),
            possible=self.read_mask("masks/possible", i),
            unknown=self.read_mask("masks/unknown", i),
            object_depth=self.read_depth("cues/depth" if is_cued else "inpainted/depth", i),
            normal=self.read_normal("cues/normal", i),
            claim=read_image(self.image("masks/claim", i)).astype(np.float32) / 255,
            confidence=read_image(self.image("inpainted/confidence", i)).astype(np.float32) / 255,
            depth_sigma=self.read_depth("cues/depth_sigma", i) if is_cued else None,
        )
