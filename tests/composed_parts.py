"""Parts of the composed config, for tests that build many: composing takes longer than most of them."""

from copy import deepcopy
from functools import cache
from typing import Any

from omegaconf import DictConfig

from o2recon.cli.build import build
from o2recon.cli.options import composed


@cache
def _whole(choices: tuple[str, ...]) -> DictConfig:
    return composed("run", ("scene.root=.", *choices))


def built(group: str, *choices: str, **values: Any) -> Any:
    """What a group's config builds, with values set; dots in keys are written as two underscores."""
    config = deepcopy(_whole(choices)[group])
    for key, value in values.items():
        part = config
        *path, last = key.split("__")
        for name in path:
            part = part[name]
        part[last] = value
    return build(config)
