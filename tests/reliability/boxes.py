"""Scans of one box on a floor, drawn exactly: objects of any size and shape, as small as a pipeline can run on."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

WIDTH, HEIGHT = 96, 72
FOCAL = 80.0
OBJECT, CHAIR, FLOOR = 1, 2, 1
"""The box's id; its label in the table (id 2), and the floor's."""
TABLE = "id\traw_category\tcategory\tcount\tnyu40id\n1\tfloor\tfloor\t1\t2\n2\tchair\tchair\t1\t5\n"


@dataclass(frozen=True)
class BoxScan:
    """A box of `size` (metres) whose underside is `lift` above the floor, seen from `views` places around it.

    `distance`: of the cameras from its centre. `seen`: views in which the object has its id. `depth`: whether a sensor
    measured anything on it.
    """

    size: tuple[float, float, float]
    distance: float
    lift: float = 0.0
    views: int = 14
    seen: int = 14
    depth: bool = True

    def write(self, folder: Path) -> Path:
        """In ScanNet's export layout."""
        matrix = np.eye(4)
        matrix[0, 0] = matrix[1, 1] = FOCAL
        matrix[:2, 2] = WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5
        for name in ("color", "depth", "pose", "intrinsic", "instance-filt", "label-filt"):
            (folder / name).mkdir(parents=True)
        for kind in ("color", "depth"):
            np.savetxt(folder / "intrinsic" / f"intrinsic_{kind}.txt", matrix)
            np.savetxt(folder / "intrinsic" / f"extrinsic_{kind}.txt", np.eye(4))
        (folder / "scannetv2-labels.combined.tsv").write_text(TABLE)
        for index in range(self.views):
            self._write_view(folder, index)
        return folder

    def _write_view(self, folder: Path, index: int) -> None:
        pose = self._pose(2 * np.pi * index / self.views)
        depth, is_box = self._drawn(pose)
        if not self.depth:
            depth = np.where(is_box, 0, depth)
        checks = (np.indices(depth.shape).sum(0) // 6 % 2 * 40)[..., None]
        color = np.where(is_box[..., None], (60, 90, 160), (150, 160, 150)) + checks
        cv2.imwrite(str(folder / "color" / f"{index}.jpg"), color.astype(np.uint8))
        cv2.imwrite(str(folder / "depth" / f"{index}.png"), np.rint(depth * 1000).clip(0, 65535).astype(np.uint16))
        ids = np.where(is_box & (index < self.seen), OBJECT, 0).astype(np.uint8)
        cv2.imwrite(str(folder / "instance-filt" / f"{index}.png"), ids)
        cv2.imwrite(str(folder / "label-filt" / f"{index}.png"), np.where(is_box, CHAIR, FLOOR).astype(np.uint8))
        np.savetxt(folder / "pose" / f"{index}.txt", pose)

    def _pose(self, angle: float) -> Float[np.ndarray, "4 4"]:
        """Camera-to-world of a camera 35 degrees above the horizon that looks at the box's centre."""
        center = np.array([0.0, 0.0, self.lift + self.size[2] / 2])
        away = np.array([np.cos(angle) * 0.82, np.sin(angle) * 0.82, 0.57])
        forward = -away / np.linalg.norm(away)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3] = np.stack([right, np.cross(forward, right), forward, center - forward * self.distance], 1)
        return pose

    def _drawn(self, pose: Float[np.ndarray, "4 4"]) -> tuple[np.ndarray, np.ndarray]:
        """Depth (z in the camera, metres) of the box or the floor z = 0, and where it is the box's: slab test."""
        rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
        local = np.stack([(columns - WIDTH / 2) / FOCAL, (rows - HEIGHT / 2) / FOCAL, np.ones(rows.shape)], -1)
        rays, origin = local @ pose[:3, :3].T, pose[:3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            floor = np.where(rays[..., 2] < 0, -origin[2] / rays[..., 2], np.inf)
            low = np.array([-self.size[0] / 2, -self.size[1] / 2, self.lift])
            ends = np.stack([(low - origin) / rays, (low + self.size - origin) / rays])
        near, far = np.nanmax(ends.min(0), -1), np.nanmin(ends.max(0), -1)
        is_box = (near <= far) & (near > 0) & (near < floor)
        depth = np.where(is_box, near, floor)
        return np.where(np.isfinite(depth) & (depth < 60), depth, 0), is_box
