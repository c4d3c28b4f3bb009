"""Every option of every config group composes and builds; every ablation changes something."""

from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from o2recon.cli.build import build
from o2recon.cli.options import groups

CHOICES = groups()
PARTS = [(g, o) for g, options in CHOICES.items() for o in options if g not in ("experiment", "ablation")]
ABLATIONS = [a for a in CHOICES["ablation"] if a != "none"]


@cache
def composed(*overrides: str) -> DictConfig:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        return compose("config", overrides=["stage=run", *overrides])


def plain(config: DictConfig) -> dict:
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    return {k: v for k, v in content.items() if k not in ("prepared", "synth")}


def own_keys(name: str, folder: str) -> dict:
    """What the yaml of a choice sets itself."""
    import o2recon.conf

    content = OmegaConf.to_container(OmegaConf.load(Path(o2recon.conf.__path__[0]) / folder / f"{name}.yaml"))
    assert isinstance(content, dict)
    return {k: v for k, v in content.items() if k != "defaults"}


@pytest.mark.parametrize(("group", "option"), PARTS)
def test_every_option_of_every_group_builds(group: str, option: str, tiny_room: Path) -> None:
    key = group if group != "optimizer" else "train"
    override = f"{group}={option}" if group != "optimizer" else f"optimizer@train.optimizer={option}"
    config = composed(override, f"scene.root={tiny_room}")
    built = build(config[key])
    assert built is not None


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_ablation_changes_the_composed_config(ablation: str) -> None:
    assert plain(composed(f"ablation={ablation}")) != plain(composed())


@pytest.mark.parametrize("experiment", CHOICES["experiment"])
@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_wins_over_the_experiment(ablation: str, experiment: str) -> None:
    choice = () if experiment == "quick" else (f"experiment={experiment}",)  # quick is the default
    config = plain(composed(f"ablation={ablation}", *choice))
    for key, value in _flat(own_keys(ablation, "ablation")):
        if key != "prepared":
            assert _at(config, key) == value


def test_ablations_stack() -> None:
    config = composed("ablation=[no_normal,no_color]")
    assert config.loss.normal is None and config.loss.color is None and config.loss.mask is not None


def test_ablation_none_is_the_whole_method() -> None:
    assert composed("ablation=none") == composed()


def test_no_group_is_left_out_of_the_default_config() -> None:
    assert set(CHOICES) - {"experiment", "ablation", "optimizer"} <= {str(k) for k in composed()}


def _flat(content: dict, prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        pairs += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return pairs


def _at(config: dict, key: str) -> object:
    value: object = config
    for part in key.split("."):
        assert isinstance(value, dict)
        value = value[part]
    return value
