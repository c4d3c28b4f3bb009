"""The stage `boxes`: draw boxes around the objects of a scan in the browser."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.cli.opening import captured_scene
from o2recon.depth import Source
from o2recon.scene import GivenDepth


def run(job: Job) -> None:
    """Serve the page until Ctrl-C. Boxes are drawn in depth, made or measured, else in the capture's sparse points."""
    scene, work = captured_scene(job), Path(job.config.work)
    depth: Source = build(job.config.depth)
    if not isinstance(depth, GivenDepth) and not depth.needs_instances:
        scene = depth(scene, work / scene.name / "depth", device=job.device)
    given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    own = [o for o in given if not o.startswith(("stage=", "boxes=", "boxes.", "objects.boxes=", "instances"))]
    build(job.config.boxes)(scene, work, own)
