"""From a command line to a job: Hydra composes the config and calls the stage; -m makes a sweep of it."""

import gc
import importlib
from collections.abc import Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from o2recon.cli.hydra_line import command_line
from o2recon.cli.job import Job, choices_of
from o2recon.cli.overrides import SWEEPING, experiment_here, with_defaults
from o2recon.cli.study import with_study
from o2recon.cli.table import STAGES
from o2recon.cli.values import check_values

CONFIG = {"config_path": "pkg://o2recon.conf", "config_name": "config", "version_base": "1.3"}


def launch(stage: str, arguments: Sequence[str]) -> None:
    """Run `stage` with Hydra's command line `arguments`. Raises what the job raises."""
    check_values(stage, arguments)
    sweeping = any(flag in arguments for flag in SWEEPING)
    arguments, study = with_study(stage, [a for a in arguments if a not in SWEEPING], sweeping=sweeping)
    if sweeping:
        with study.blamed():
            _sweep(stage, arguments)
        return
    task = _Task()
    chosen = [*experiment_here(stage, arguments), *arguments]
    with command_line([f"o2recon {stage}", *with_defaults(stage, chosen)]):
        hydra.main(**CONFIG)(task)()
    if task.error is not None:
        raise task.error


def _sweep(stage: str, arguments: list[str]) -> None:
    """All combinations; of `status` only their plan."""
    sweeping = _imported("o2recon.cli.sweeping")
    if stage == "status":
        sweeping.show_plan("run", arguments)
    else:
        sweeping.sweep(stage, arguments)


class _Task:
    """What Hydra calls. It keeps its error, because Hydra would print lines of its own about it."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self, config: DictConfig) -> None:
        try:
            run_job(config, dict(HydraConfig.get().runtime.choices))
        except Exception as error:
            self.error = error


def run_job(config: DictConfig, runtime_choices: dict[str, Any]) -> Any:
    """Run the stage that a composed config names."""
    job = Job(config=config, **choices_of(runtime_choices))
    return _imported(STAGES[config.stage].module).run(job)


def _imported(module: str) -> Any:
    """A module with all that it needs: a quarter faster when nobody looks for garbage meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        if was_on:
            gc.enable()
