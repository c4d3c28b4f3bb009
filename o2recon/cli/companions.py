"""The baselines that run beside an experiment on the same objects, so that no score of ours stands alone."""

import logging
from contextlib import nullcontext
from dataclasses import replace

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import ListConfig, open_dict

from o2recon.cli.job import Job
from o2recon.cli.options import groups

logger = logging.getLogger(__name__)
AUTO = "auto"
QUICK = ("tsdf", "tsdf_closed", "hull")
"""What `baselines=auto` stands for: seconds each. They run for the objects whose truth is known."""


def companions(job: Job) -> list[Job]:
    """The same request for every baseline of `baselines=`, as `experiment=<baseline> seed=0` would make it.

    None beside an ablation, where they would be the same once more, and with `auto` none beside a baseline either.
    ValueError for a name that is no baseline.
    """
    names = _names(job)
    if names and job.ablation != "none":
        if not is_auto(job):
            logger.info("no baselines beside ablation=%s: they run beside ablation=none", job.ablation)
        return []
    return [_companion(job, name) for name in dict.fromkeys(names) if name != job.experiment]


def is_auto(job: Job) -> bool:
    """Whether nobody chose: then only objects with a known truth get baselines, whose scores are what they are for."""
    return bool(job.config.baselines == AUTO)


def _names(job: Job) -> list[str]:
    wanted = job.config.baselines
    if is_auto(job):
        return [] if job.config.baseline else list(QUICK)
    names = [str(n) for n in wanted] if isinstance(wanted, ListConfig) else [str(wanted)] if wanted else []
    available = [name for name in groups()["baseline"] if name != "none"]
    for name in names:
        if name not in available:
            raise ValueError(f"baselines={name} is no baseline: choose among {', '.join(available)}, or auto")
    return names


def _companion(job: Job, name: str) -> Job:
    config = job.config.copy()
    begun = GlobalHydra.instance().is_initialized()
    with nullcontext() if begun else initialize_config_module("o2recon.conf", version_base="1.3"):
        baseline = compose(f"baseline/{name}").baseline
    with open_dict(config):
        config.baseline = baseline
        config.seed = 0  # nothing in a baseline is random
    return replace(job, config=config, experiment=name)
