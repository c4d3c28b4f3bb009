"""The scene that a command is about: the capture, with depth and object ids from elsewhere where that is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.scene import Scene

if TYPE_CHECKING:  # they load networks' and meshes' libraries, which what was given does not need
    from o2recon.depth import Source as DepthSource
    from o2recon.instances import Source as IdSource
    from o2recon.outlines import Source as OutlineSource


def opened_scene(job: Job) -> Scene:
    """What `scene`, `depth`, `instances` and `outlines` give together. ValueError without `scene.root`, or when depth
    or ids are missing and nothing was chosen to make them.

    Nothing is made before a frame is asked for; it is kept in `work/<scene>/`.
    """
    scene = captured_scene(job)
    folder = Path(job.config.work) / scene.name
    depth: DepthSource = build(job.config.depth)
    instances: IdSource = build(job.config.instances)
    outlines: OutlineSource = build(job.config.outlines)
    if depth.needs_instances and instances.needs_depth:
        raise ValueError("object ids and depth cannot be made from each other: choose another depth= or instances=")
    device = job.device if depth.runs_network or instances.runs_network else "cpu"  # a sweep is planned without a GPU
    if depth.needs_instances:
        scene = depth(instances(scene, folder / "instances", device=device), folder / "depth", device=device)
    else:
        scene = instances(depth(scene, folder / "depth", device=device), folder / "instances", device=device)
    return outlines(scene, folder / "outlines")


def captured_scene(job: Job) -> Scene:
    """The capture alone, with or without depth and ids. ValueError without `scene.root`."""
    if OmegaConf.is_missing(job.config.scene, "root"):
        raise ValueError("scene.root is needed: add scene.root=FOLDER, the scan's folder, to the command")
    scene: Scene = build(job.config.scene)
    return scene
