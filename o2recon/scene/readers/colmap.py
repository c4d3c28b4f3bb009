"""Reader of COLMAP workspaces."""

import logging
from pathlib import Path

from o2recon.scene.capture import Capture, Lens, Shot
from o2recon.scene.converted import read_notes
from o2recon.scene.images import file_picture
from o2recon.scene.labels import find_table, read_labels
from o2recon.scene.matrices import resized
from o2recon.scene.readers.colmap_files import ColmapImage
from o2recon.scene.readers.colmap_model import FOLDERS, ColmapModel, find_model, other_models, read_model
from o2recon.scene.readers.naming import Companions, check_shots, chosen_folder, frame_numbers, inside, truth_beside
from o2recon.scene.readers.poses import Z_UP

DEPTH_FOLDERS = ("depth", "depths", "depth_images")
INSTANCE_FOLDERS = ("instances", "instance", "instance-filt")
LABEL_FOLDERS = ("labels", "label", "label-filt")
LARGEST = 1e7
"""No focal length (pixels) or coefficient of distortion is as large."""

log = logging.getLogger(__name__)


class ColmapReader:
    """A COLMAP model, text or binary, with its images and, where there are any, depth and ids beside them.

    `model`: folder with cameras and images, null for the usual ones (sparse/0, sparse, colmap/sparse/0, dense/sparse
    ...). `images`: folder that image names start from, null for `images/` beside the model or above it; images of
    another size than their camera's are taken for scaled ones. `depth`, `instances`, `labels`: folders with one PNG per
    image, of the same name or the frame's number; `auto` for the usual ones if they are there, null for none. Depth may
    also be .npy files or, as `stereo/depth_maps` of a dense workspace, COLMAP's own maps in the model's unit. Sparse
    points with more than `max_error` pixels of reprojection error, or seen by fewer than `min_track` images, are left
    out. Frames are numbered as their names are (`frame_00012.jpg` is 12), else by order. World and unit are the model's
    own: COLMAP knows no metres and no up (what `o2recon convert` wrote has +z). Registered images that are not there
    are damaged frames; images that are not registered are left out.

    Sources: see colmap_files and colmap_cameras.
    """

    def __init__(
        self,
        *,
        model: str | None,
        images: str | None,
        depth: str | None,
        instances: str | None,
        labels: str | None,
        max_error: float,
        min_track: int,
    ) -> None:
        self._model, self._images, self._depth = model, images, depth
        self._instances, self._labels = instances, labels
        self._max_error, self._min_track = float(max_error), min_track

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        folder = find_model(root) if self._model is None else root / self._model
        if folder is None:
            raise ValueError(
                f"{root} holds no COLMAP model in {', '.join(FOLDERS[:4])} ...: set scene.reader.model to the folder"
                " with cameras and images (.bin or .txt), or scene=rgb_folder to see how to make one"
            )
        model = read_model(folder)
        if self._model is None and (others := other_models(folder)):
            names = ", ".join(str(path.relative_to(root)) for path in others[:5])
            message = "%s holds several models: %s with %d images is read; scene.reader.model chooses another (%s)"
            log.warning(message, root, folder.relative_to(root), len(model.images), names)
        images = root / self._images if self._images is not None else images_of(root, folder)
        if not images.is_dir():
            raise ValueError(f"{images} is no folder: set scene.reader.images to the one that image names start from")
        return self._capture(root, folder, model, images)

    def _capture(self, root: Path, folder: Path, model: ColmapModel, images: Path) -> Capture:
        names = [image.name for image in model.images]
        kinds = {
            "depth": chosen_folder(root, self._depth, DEPTH_FOLDERS, "scene.reader.depth"),
            "instance": chosen_folder(root, self._instances, INSTANCE_FOLDERS, "scene.reader.instances"),
            "label": chosen_folder(root, self._labels, LABEL_FOLDERS, "scene.reader.labels"),
        }
        beside = {
            kind: Companions(path, names, kind="depth" if kind == "depth" else "ids")
            for kind, path in kinds.items()
            if path is not None
        }
        table = find_table(root) if "label" in beside else None
        shots, damaged = [], {}
        for index, image in zip(frame_numbers(names), model.images, strict=True):
            try:
                shots.append(_shot(index, image, model.lenses[image.camera], images, beside))
            except ValueError as damage:
                damaged[index] = f"{folder}: {damage}" if str(root) not in str(damage) else str(damage)
        capture = Capture(
            shots=tuple(sorted(shots, key=lambda shot: shot.index)),
            up=Z_UP if read_notes(root) is not None else None,
            damaged=damaged,
            labels=read_labels(table) if table else {},
            points=model.reliable_points(max_error=self._max_error, min_track=self._min_track),
            groundtruth=truth_beside(root),
            files=(*model.files, *([table] if table else [])),
        )
        return check_shots(capture, root, "set scene.reader.images to the folder that image names start from")


def images_of(root: Path, folder: Path) -> Path:
    """`images/` beside the model or in a folder above it, up to the capture's own; the last where there is none."""
    while folder != root and root in folder.parents:
        if (folder / "images").is_dir():
            return folder / "images"
        folder = folder.parent
    return root / "images"


def fitted(lens: Lens, size: tuple[int, int], source: str) -> Lens:
    """The lens for images scaled to another size. ValueError when their shape is another one, or for absurd numbers."""
    camera, (width, height) = lens.camera, size
    largest = max(camera.intrinsics.max(), *map(abs, lens.distortion or (0.0,)))
    if not largest < LARGEST:
        raise ValueError(f"{source}: {largest:g} is no focal length or distortion of a camera")
    if (camera.width, camera.height) == size:
        return lens
    if abs(width * camera.height - height * camera.width) > max(camera.width, camera.height):
        raise ValueError(f"{source} is {width}x{height}, its camera {camera.width}x{camera.height}: another shape")
    return Lens(resized(camera, width, height), lens.distortion, lens.fisheye)


def _shot(index: int, image: ColmapImage, lens: Lens, images: Path, beside: dict[str, Companions]) -> Shot:
    color = file_picture(inside(images, image.name, "the model"), "color")
    depth, instance, label = (
        beside[kind].picture(image.name, index) if kind in beside else None for kind in ("depth", "instance", "label")
    )
    return Shot(
        index=index,
        camera_to_world=image.camera_to_world(),
        lens=fitted(lens, color.size, color.source),
        color=color,
        depth=depth,
        instance=instance,
        label=label,
    )
