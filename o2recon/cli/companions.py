"""The baselines that run beside an experiment on the same objects: `baselines=[tsdf,tsdf_closed,hull]`."""

import logging
from contextlib import nullcontext
from dataclasses import replace

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import ListConfig, open_dict

from o2recon.cli.job import Job
from o2recon.cli.options import groups

logger = logging.getLogger(__name__)


def companions(job: Job) -> list[Job]:
    """The same request for every baseline of `baselines=`, as `experiment=<baseline>` would make it.

    None beside an ablation: they would be the same once more. ValueError for a name that is no baseline.
    """
    wanted = job.config.baselines
    names = [str(n) for n in wanted] if isinstance(wanted, ListConfig) else [str(wanted)] if wanted else []
    available = [name for name in groups()["baseline"] if name != "none"]
    for name in names:
        if name not in available:
            raise ValueError(f"baselines={name} is no baseline: choose among {', '.join(available)}")
    if names and job.ablation != "none":
        logger.info("no baselines beside ablation=%s: they run beside ablation=none", job.ablation)
        return []
    return [_companion(job, name) for name in dict.fromkeys(names) if name != job.experiment]


def _companion(job: Job, name: str) -> Job:
    config = job.config.copy()
    begun = GlobalHydra.instance().is_initialized()
    with nullcontext() if begun else initialize_config_module("o2recon.conf", version_base="1.3"):
        baseline = compose(f"baseline/{name}").baseline
    with open_dict(config):
        config.baseline = baseline
    return replace(job, config=config, experiment=name)
