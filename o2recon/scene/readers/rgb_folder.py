"""Reader of a folder of colour images whose poses a COLMAP model gives."""

import shlex
from pathlib import Path

from o2recon.scene.capture import Capture
from o2recon.scene.readers.colmap import ColmapReader
from o2recon.scene.readers.colmap_model import find_model
from o2recon.scene.readers.naming import IMAGE_SUFFIXES

IMAGE_FOLDERS = ("images", "rgb", "color", "colour", "image", "frames", ".")


class RgbFolderReader:
    """Images (in `images`; null: images/, rgb/, color/ ..., or the folder itself), a COLMAP model, no depth.

    The other options are those of ColmapReader. Without a model: a ValueError that names the commands that make one.
    """

    def __init__(
        self,
        *,
        model: str | None,
        images: str | None,
        instances: str | None,
        labels: str | None,
        max_error: float,
        min_track: int,
    ) -> None:
        self._model, self._images = model, images
        self._options = {"instances": instances, "labels": labels, "max_error": max_error, "min_track": min_track}

    def __call__(self, root: Path) -> Capture:
        """See Reader."""
        folder = self._images or next((name for name in IMAGE_FOLDERS if _has_images(root / name)), None)
        if folder is None:
            raise ValueError(f"{root} holds no images (.jpg, .png): set scene.reader.images to their folder")
        if self._model is None and find_model(root) is None:
            raise ValueError(f"{root} has images and no poses: {commands(root, root / folder)}")
        reader = ColmapReader(model=self._model, images=folder, depth=None, **self._options)  # type: ignore[arg-type]
        return reader(root)


def commands(root: Path, images: Path) -> str:
    """The COLMAP commands that make the model this reader looks for, in one line."""
    database, model, quoted = (shlex.quote(str(path)) for path in (root / "database.db", root / "sparse", images))
    return (
        "run `"
        f"colmap feature_extractor --database_path {database} --image_path {quoted} --ImageReader.single_camera 1"
        f" && colmap sequential_matcher --database_path {database} && mkdir -p {model}"
        f" && colmap mapper --database_path {database} --image_path {quoted} --output_path {model}`"
        " (exhaustive_matcher for photographs in no order)"
    )


def _has_images(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix in IMAGE_SUFFIXES for path in folder.iterdir())
