"""The choices that keep what a capture has: they load nothing."""

from pathlib import Path

from o2recon.scene.scene import Scene


class GivenDepth:
    """The capture's own depth."""

    needs_instances = False
    runs_network = False

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene itself. ValueError when the capture has no depth."""
        if not scene.has_depth:
            raise ValueError(
                f"{scene.root} has no depth: let a network estimate it (depth=network depth.network.model=ID or FOLDER)"
                " or carve from the masks alone (depth=silhouettes)"
            )
        return scene


class GivenIds:
    """The capture's own object ids."""

    needs_depth = False
    runs_network = False

    def __call__(self, scene: Scene, folder: Path, *, device: str) -> Scene:
        """The scene itself. ValueError when the capture has no ids."""
        if not scene.has_instances:
            raise ValueError(
                f"{scene.root} has no object ids: list 3D boxes (objects.boxes=FILE; 'o2recon boxes' draws them), name"
                " a folder of masks (instances=files instances.folder=FOLDER) or let a network find them in boxes"
                " (objects.boxes=FILE instances=sam)"
            )
        return scene


class GivenOutlines:
    """The outlines as they are."""

    def __call__(self, scene: Scene, folder: Path) -> Scene:
        """The scene itself."""
        return scene
