"""A scene as ScanNet ships it: the `.sens` stream, masks in zip archives, and the label table."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from o2recon.scene.archive import Archive
from o2recon.scene.capture import Capture, Lens, Picture, Shot
from o2recon.scene.images import decoded
from o2recon.scene.labels import find_table, read_labels
from o2recon.scene.readers.poses import Z_UP, pinhole, rigid
from o2recon.scene.readers.sens import SensCamera, SensFile, read_sens
from o2recon.scene.readers.units import in_millimetres
from o2recon.scene.scene import DamagedFrame

INSTANCES = ("2d-instance-filt", "2d-instance")
"""Archives `<scene>_<this>.zip`, best first: the filtered ones were cleaned by ScanNet's authors."""
LABELS = ("2d-label-filt", "2d-label")
MEMBER = re.compile(r"(?:.*/)?([0-9]{1,9})\.png")
LARGEST_MASK = 2**26
"""Bytes of a packed id image; one of 16 bits and 2000 x 1500 pixels has 6 million when nothing of it can be packed."""


class ScanNetRawReader:
    """`<scene>.sens` with `<scene>_2d-instance-filt.zip` and `<scene>_2d-label-filt.zip` (or those without `-filt`) and
    the label table, in the folder or up to two above; `root` is the folder, or the `.sens` file where there are more.
    `_vh_clean_2.ply`, aggregation and segs are not read here: they are the truth where there is no `groundtruth/`.

    Without archives there are no masks. Frames keep their number in the stream, as ScanNet's own export names them;
    those without any image are passed over. Damaged: frames where tracking was lost (their pose is -inf) and frames
    that the archives lack. Depth is given in millimetres, whatever the stream's unit. Sources: SensReader and the file
    list of ScanNet's repository.
    """

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        sens = read_sens(root if root.is_file() else _stream(root))
        root = sens.path.parent
        scene = sens.path.stem.removesuffix("_vh")
        instances, labels = (_masks(root, scene, kinds) for kinds in (INSTANCES, LABELS))
        lenses = _lens(sens, sens.color, "color"), _lens(sens, sens.depth, "depth")
        shots, damaged = [], {}
        for frame in range(len(sens)):
            if not sens.index[frame]["bytes"].any():
                continue
            try:
                shots.append(_shot(sens, frame, lenses, instances, labels))
            except ValueError as damage:
                damaged[frame] = str(damage)
        files = [sens.path] + [masks.archive.path for masks in (instances, labels) if masks]
        table = find_table(root) if labels else None
        return Capture(
            shots=tuple(shots),
            up=_up(shots),
            damaged=damaged,
            labels=read_labels(table) if table else {},
            files=tuple(files + ([table] if table else [])),
            groundtruth=root / "groundtruth" if (root / "groundtruth").is_dir() else None,
        )


class Masks:
    """Id images `<folder>/<frame>.png` in an archive, all of the size of the first. ValueError when it holds none."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        matches = ((name, MEMBER.fullmatch(name)) for name in archive.names)
        self._names = {int(match[1]): name for name, match in matches if match is not None}
        self._size = self._size_of_first()

    def picture(self, frame: int) -> Picture:
        """ValueError when the archive has none of this frame: an empty mask would say that nothing is there."""
        if frame not in self._names:
            raise ValueError(f"{self.archive.path} has no image of frame {frame}")
        name = self._names[frame]
        return Picture(self.archive.source(name), self._size, name, partial(self._read, name))

    def _size_of_first(self) -> tuple[int, int]:
        for frame in sorted(self._names):
            with suppress(DamagedFrame):
                height, width = self._read(self._names[frame]).shape
                return width, height
        raise ValueError(f"{self.archive.path} holds no readable images named <frame>.png: copy it again")

    def _read(self, name: str) -> Shaped[np.ndarray, "rows columns"]:
        with _damage_named():
            return decoded(self.archive.source(name), self.archive.read(name, most=LARGEST_MASK), "ids")


def _stream(root: Path) -> Path:
    found = sorted(root.glob("*.sens"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found[:5]) or "none"
        raise ValueError(f"{root} must hold one .sens file, it holds {names}: set scene.root to one scene or file")
    return found[0]


def _masks(root: Path, scene: str, kinds: tuple[str, ...]) -> Masks | None:
    for kind in kinds:
        path = root / f"{scene}_{kind}.zip"
        if path.is_file():
            return Masks(Archive(path))
    return None


def _up(shots: Sequence[Shot]) -> Float[np.ndarray, "3"] | None:
    """+z, as ScanNet turned its scenes; unknown where the world is the first camera, as in BundleFusion's streams."""
    return None if shots and np.allclose(shots[0].camera_to_world, np.eye(4), atol=1e-3) else Z_UP


def _shot(sens: SensFile, frame: int, lenses: tuple[Lens, Lens], instances: Masks | None, labels: Masks | None) -> Shot:
    source, stamp = sens.source(frame), f"{frame}"
    return Shot(
        index=frame,
        camera_to_world=rigid(sens.camera_to_world(frame), source),
        lens=lenses[0],
        color=Picture(source, sens.color.size, stamp, partial(_color, sens, frame)),
        depth=in_millimetres(Picture(source, sens.depth.size, stamp, partial(_depth, sens, frame)), sens.shift),
        depth_lens=lenses[1],
        instance=None if instances is None else instances.picture(frame),
        label=None if labels is None else labels.picture(frame),
    )


def _lens(sens: SensFile, camera: SensCamera, kind: str) -> Lens:
    if not np.allclose(camera.extrinsic, np.eye(4), atol=1e-4):
        raise ValueError(
            f"{sens.path}: the extrinsics of {kind} are not the identity: register depth to colour before (colour and"
            " depth must share one pose)"
        )
    k, source = camera.intrinsic, f"{sens.path}: intrinsics of {kind}"
    return Lens(pinhole((k[0, 0], k[1, 1]), (k[0, 2] + 0.5, k[1, 2] + 0.5), camera.size, source))


def _color(sens: SensFile, frame: int) -> UInt8[np.ndarray, "rows columns 3"]:
    with _damage_named():
        if sens.color.packing == "raw":
            return sens.raw_color(frame)
        return decoded(sens.source(frame), sens.color_bytes(frame), "color")


def _depth(sens: SensFile, frame: int) -> Shaped[np.ndarray, "rows columns"]:
    with _damage_named():
        return sens.depth_image(frame)


@contextmanager
def _damage_named() -> Iterator[None]:
    """What cannot be decoded is one damaged frame."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise DamagedFrame(str(error)) from error
