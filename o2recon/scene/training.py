"""O2-Recon's training data: names, units and camera conventions of `dataset/indoor-paper/<...>_inpainted/`."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.linalg import rq

from o2recon.scene.matrices import resized
from o2recon.types import Camera

WIDTH, HEIGHT = 640, 480
"""Of `image/` and `mask/`, whatever the photographs had."""
PHOTOGRAPH = (1296, 968)
"""ScanNet's photographs; they lose 24 and 16 pixels on each side, others 1.25 % of the longest 4:3 picture in them."""
FAR = 1e6
"""Metres or pixels; no number of an object's camera is larger."""
MATRIX_BYTES = 4096
"""Largest accepted array in `cameras_sphere.npz`: a 4x4 matrix of doubles needs 128 and a header."""


@dataclass(frozen=True)
class CenteredCrop:
    """From a photograph of `source` (width, height) to 640x480: `left` and `top` pixels go on both sides, what remains
    is divided by `factor` (1296x968 -> 1248x936, / 1.95; 640x480 -> 624x468, / 0.975)."""

    source: tuple[int, int]
    left: float
    top: float
    factor: float

    @staticmethod
    def of(source: tuple[int, int]) -> "CenteredCrop":
        """The crop of photographs of this size."""
        unit = 312 if source == PHOTOGRAPH else int(0.975 * min(source[0] / 4, source[1] / 3))
        if unit < 1:
            raise ValueError(f"pictures of {source[0]}x{source[1]} are too small to be cropped to training data")
        return CenteredCrop(source, (source[0] - 4 * unit) / 2, (source[1] - 3 * unit) / 2, 4 * unit / WIDTH)

    def camera(self, photograph: Camera) -> Camera:
        """The camera of the 640x480 picture. `photograph` may be of another size than `source`: it is scaled first."""
        k = resized(photograph, *self.source).intrinsics.copy()
        k[:2, 2] -= self.left, self.top
        k[:2] /= self.factor
        return Camera(k, WIDTH, HEIGHT)

    def photograph(self, camera: Camera, size: tuple[int, int]) -> Camera:
        """The camera of the whole photograph scaled to `size`, from that of the 640x480 picture."""
        k = camera.intrinsics.copy()
        k[:2] *= self.factor
        k[:2, 2] += self.left, self.top
        return resized(Camera(k, *self.source), *size)

    def from_file(self, k: Float[np.ndarray, "3 3"], size: tuple[int, int]) -> Camera:
        """The camera of a picture of `size` from intrinsics as the files have them: the photograph's with pixel centres
        at integers, minus the offset, divided by the factor. Half a pixel of the photograph brings them to ours."""
        k = k.copy()
        k[:2, 2] += 0.5 / self.factor
        return resized(Camera(k, WIDTH, HEIGHT), *size)

    def to_file(self, camera: Camera) -> Float[np.ndarray, "3 3"]:
        """The inverse of `from_file`, of a 640x480 camera."""
        k = camera.intrinsics.copy()
        k[:2, 2] -= 0.5 / self.factor
        return k


@dataclass(frozen=True)
class Normalization:
    """`trans_n2w.txt`: x_world = scale * x_object + center, metres. `scale` is half the diagonal of its box."""

    center: Float[np.ndarray, "3"]
    scale: float

    def normalized(self, camera_to_world: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
        """The pose with its origin in object units; the rotation stays."""
        pose = camera_to_world.copy()
        pose[:3, 3] = (pose[:3, 3] - self.center) / self.scale
        return pose

    def metric(self, camera_to_object: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
        """The inverse of `normalized`."""
        pose = camera_to_object.copy()
        pose[:3, 3] = pose[:3, 3] * self.scale + self.center
        return pose

    @property
    def matrix(self) -> Float[np.ndarray, "4 4"]:
        matrix = np.diag([self.scale, self.scale, self.scale, 1.0])
        matrix[:3, 3] = self.center
        return matrix

    @staticmethod
    def of(matrix: Float[np.ndarray, "4 4"], source: Path) -> "Normalization":
        """ValueError, naming `source`, when the matrix does more than scale and shift."""
        scale = float(matrix[0, 0])
        plain = 1e-4 <= scale <= FAR and np.abs(matrix).max() <= FAR and matrix[3, 3] == 1
        if not plain or not np.allclose(matrix[:, :3], np.eye(4)[:, :3] * scale, atol=1e-4 * scale):
            raise ValueError(f"{source} is no scale and shift (diagonal scale, then the box's centre): copy it again")
        return Normalization(matrix[:3, 3].copy(), scale)


def decomposed(
    projection: Float[np.ndarray, "4 4"], source: str
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "4 4"]]:
    """Intrinsics (last element 1) and camera_to_world of K [R | t] up to a factor. ValueError when it is no camera."""
    if not np.isfinite(projection).all() or np.abs(projection).max() > FAR**2:
        raise ValueError(f"{source} is no camera matrix: its numbers are too large or not finite")
    if np.linalg.cond(projection[:3, :3]) > FAR**2:
        raise ValueError(f"{source} is no camera matrix: it is singular")
    rows = projection[:3] * np.sign(np.linalg.det(projection[:3, :3]))
    k, rotation = rq(rows[:, :3])
    signs = np.sign(np.diag(k))
    pose = np.eye(4)
    pose[:3, :3] = (signs[:, None] * rotation).T
    pose[:3, 3] = -np.linalg.solve(rows[:, :3], rows[:, 3])
    k = k * signs
    return k / k[2, 2], pose


def composed(k: Float[np.ndarray, "3 3"], camera_to_world: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """K (4x4) x world-to-camera."""
    wide = np.eye(4)
    wide[:3, :3] = k
    return wide @ inverse(camera_to_world)


def inverse(pose: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """Of a rigid motion."""
    back = np.eye(4)
    back[:3, :3] = pose[:3, :3].T
    back[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return back


def read_cameras(file: Path) -> Mapping[str, Float[np.ndarray, "4 4"]]:
    """`world_mat_<i>` and `scale_mat_<i>` of `cameras_sphere.npz`. ValueError when it is missing or damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
            wanted = {n: i for n, i in members.items() if n.removesuffix(n.rpartition("_")[2]) in PREFIXES}
            return {name: _matrix(archive, info) for name, info in wanted.items()}
    except DAMAGES as error:
        reason = getattr(error, "strerror", None) or next(iter(str(error)[:200].splitlines()), "cut short")
        raise ValueError(f"{file} cannot be read as O2-Recon's cameras ({reason}): copy it again") from error


PREFIXES = ("world_mat_", "scale_mat_")
ENDS = (OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error, struct.error)
DAMAGES = (*ENDS, ValueError, LookupError, RuntimeError, SyntaxError, TypeError, ArithmeticError)
"""What numpy and zipfile raise for damaged archives."""


def _matrix(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Float[np.ndarray, "4 4"]:
    """One small array, without trusting what its header says of its size."""
    if info.file_size > MATRIX_BYTES:
        raise ValueError(f"{info.filename} takes {info.file_size} bytes, a 4x4 matrix does not")
    file = io.BytesIO(archive.read(info))
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(file)
    if shape not in ((4, 4), (3, 4)) or dtype.kind != "f":
        raise ValueError(f"{info.filename} holds {dtype} of shape {shape}, no 4x4 matrix")
    data = file.read()
    if len(data) != dtype.itemsize * shape[0] * shape[1]:
        raise ValueError(f"{info.filename} is cut short")
    values = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    matrix = np.eye(4)
    matrix[: shape[0]] = values
    return matrix
