"""Whether the files of a finished run are still as its stages left them."""

from pathlib import Path

from o2recon.manifest import altered

MESH, MESHED, TRAINED = "mesh.ply", "mesh.manifest.json", "checkpoints/manifest.json"
"""A run's mesh, and the manifests of its stages."""


def damage(folder: Path) -> str | None:
    """What is wrong with the first file of a finished run that was changed or is gone; None when all is well.

    Contents are read only where sizes or dates differ. Checkpoints may be gone: `clean` deletes them. Runs without
    manifests, of meshes that others made, need their mesh alone.
    """
    if not (folder / MESH).is_file():
        return f"{MESH} is gone"
    for name, needed in ((MESHED, True), (TRAINED, False)):
        if (folder / name).is_file() and (what := altered(folder / name, quick=True, needed=needed)) is not None:
            return what.removeprefix(f"{folder}/")
    return None
