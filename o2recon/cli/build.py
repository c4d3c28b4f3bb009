"""Objects from configs: `_target_` is the registry, and library code gets plain lists and dictionaries."""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig


def build(config: DictConfig) -> Any:
    """What `_target_` names, with everything below it built too. The error says which key it came from."""
    return instantiate(config, _convert_="all")
