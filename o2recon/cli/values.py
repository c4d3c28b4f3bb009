"""Values that no option takes, found before anything runs: words for numbers, and choices that there are not."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

RETRY = (None, "failed", "all")


def check_values(stage: str, arguments: Sequence[str]) -> None:
    """ValueError for `mesh.spacing_m=1cm` and `retry=faild`. What Hydra itself complains about is left to it."""
    given = [(key, value) for argument in arguments for key, value in _values(argument)]
    for wrong in (value for key, value in given if key == "retry" and value not in RETRY):
        raise ValueError(f"retry={wrong}: choose null, failed (failed objects again) or all (everything again)")
    words = {key: value for key, value in given if isinstance(value, str) and "${" not in value}
    if not words.keys() - _texts():
        return
    from o2recon.cli.options import composed

    config = composed(stage)
    for key, word in words.items():
        default = OmegaConf.select(config, key)
        if isinstance(default, bool):
            raise ValueError(f"{key}={word} is neither true nor false (by default it is {str(default).lower()})")
        if isinstance(default, int | float):
            raise ValueError(f"{key}={word} is no number (by default it is {default})")


@cache
def _texts() -> frozenset[str]:
    """Keys that take any word, told without composing a config, which takes a quarter of a second."""
    from o2recon.cli.options import groups

    content = yaml.safe_load((files("o2recon.conf") / "config.yaml").read_text(encoding="utf-8"))
    numbers = {key for key, value in content.items() if isinstance(value, bool | int | float)}
    return frozenset({"scene.root", *groups(), *content} - numbers)


def _values(argument: str) -> list[tuple[str, Any]]:
    """The values that one argument gives to a single key; none for flags and for what Hydra cannot read."""
    if argument.startswith("-"):
        return []
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException:
        return []
    value = override.value()
    values: list[Any] = value.list if isinstance(value, ChoiceSweep) else [value]
    return [(override.key_or_group, v.text if isinstance(v, QuotedString) else v) for v in values]
