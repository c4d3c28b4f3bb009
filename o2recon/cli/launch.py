"""From a command line to a job: Hydra composes the config and calls the stage; -m makes a sweep of it."""

import importlib
from collections.abc import Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from o2recon.cli.hydra_line import command_line
from o2recon.cli.job import Job, choices_of
from o2recon.cli.table import STAGES
from o2recon.cli.values import check_values

CONFIG = {"config_path": "pkg://o2recon.conf", "config_name": "config", "version_base": "1.3"}
SWEEPING = ("-m", "--multirun")


def launch(stage: str, arguments: Sequence[str]) -> None:
    """Run `stage` with Hydra's command line `arguments`. Raises what the job raises."""
    check_values(stage, arguments)
    if any(flag in arguments for flag in SWEEPING):
        _sweep(stage, [a for a in arguments if a not in SWEEPING])
        return
    task = _Task()
    chosen = [*experiment_here(stage, arguments), *arguments]
    with command_line([f"o2recon {stage}", *with_defaults(stage, chosen)]):
        hydra.main(**CONFIG)(task)()
    if task.error is not None:
        raise task.error


def _sweep(stage: str, arguments: list[str]) -> None:
    """All combinations; of `status` only their plan."""
    sweeping = importlib.import_module("o2recon.cli.sweeping")
    if stage == "status":
        sweeping.show_plan("run", arguments)
    else:
        sweeping.sweep(stage, arguments)


def experiment_here(stage: str, arguments: Sequence[str]) -> list[str]:
    """`experiment=fast` where a field would be trained on a GPU and nobody chose; elsewhere the config's `quick`."""
    given = {a.split("=")[0]: a.partition("=")[2] for a in arguments}
    if "train" not in STAGES[stage].groups or "experiment" in given or given.get("device", "auto") == "cpu":
        return []
    torch = importlib.import_module("torch")  # here and not above: this module also serves --help
    return ["experiment=fast"] if torch.cuda.is_available() else []


def with_defaults(stage: str, arguments: Sequence[str]) -> list[str]:
    """The user's overrides after the stage's own, and written so that Hydra takes them.

    `object=1,2` and `baselines=tsdf,hull` are lists (Hydra would take them for sweeps); `objects.overrides.<id>...` may
    add keys.
    """
    own = [o for o in STAGES[stage].overrides if not any(a.split("=")[0] == o.split("=")[0] for a in arguments)]
    flags = [a for a in arguments if a in SWEEPING]  # to the front: Hydra takes no overrides after a flag in between
    others = [_accepted(a, sweeping=bool(flags)) for a in arguments if a not in SWEEPING]
    return [*flags, f"stage={stage}", *own, *others]


def _accepted(argument: str, *, sweeping: bool) -> str:
    key, equals, value = argument.partition("=")
    if key.startswith("objects.overrides."):
        return f"++{argument}"
    if key in ("object", "baselines") and not sweeping and equals and "," in value and value[0] not in "[\"'":
        return f"{key}=[{value}]"
    return argument


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
    return importlib.import_module(STAGES[config.stage].module).run(job)
