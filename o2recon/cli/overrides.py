"""What the user typed, as Hydra takes it: with the stage's own overrides and the experiment that suits the machine."""

import importlib
from collections.abc import Sequence

from o2recon.cli.table import STAGES

SWEEPING = ("-m", "--multirun")
BOXES = "objects.boxes="


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
    add keys; `objects.boxes=...` also chooses where ids come from, unless `instances=` does.
    """
    own = [o for o in STAGES[stage].overrides if not any(a.split("=")[0] == o.split("=")[0] for a in arguments)]
    flags = [a for a in arguments if a in SWEEPING]  # to the front: Hydra takes no overrides after a flag in between
    others = [_accepted(a, sweeping=bool(flags)) for a in arguments if a not in SWEEPING]
    listed = any(a.startswith(BOXES) for a in arguments) and not any(a.startswith("instances=") for a in arguments)
    return [*flags, f"stage={stage}", *own, *(["instances=boxes"] if listed else []), *others]


def _accepted(argument: str, *, sweeping: bool) -> str:
    key, equals, value = argument.partition("=")
    if key.startswith("objects.overrides."):
        return f"++{argument}"
    if argument.startswith(BOXES):
        return f"instances.boxes={value}"
    if key in ("object", "baselines") and not sweeping and equals and "," in value and value[0] not in "[\"'":
        return f"{key}=[{value}]"
    return argument
