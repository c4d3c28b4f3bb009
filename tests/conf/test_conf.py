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
TRAINING = [e for e in CHOICES["experiment"] if e not in CHOICES["baseline"] and e != "o2recon_classical"]
"""Baselines know no ablation; the paper without networks is `o2recon` in all that ablations touch."""


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
    config = composed(override, f"scene.root={tiny_room}", "convert.root=written")
    # other layouts than ScanNet's are opened in tests/scene/readers; here their readers take the options of the yaml
    built = build(config.scene.reader if group == "scene" and option != "scannet" else config[key])
    assert built is not None


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_every_ablation_changes_the_composed_config(ablation: str) -> None:
    assert plain(composed(f"ablation={ablation}")) != plain(composed())


@pytest.mark.parametrize("experiment", TRAINING)
@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_wins_over_the_experiment(ablation: str, experiment: str) -> None:
    choice = () if experiment == "quick" else (f"experiment={experiment}",)  # quick is the default
    config = plain(composed(f"ablation={ablation}", *choice))
    for key, value in _flat(own_keys(ablation, "ablation")):
        if key != "prepared":
            assert _at(config, key) == value


SAYS: dict[str, dict[str, object]] = {
    "no_inpaint": {"inpaint.painter": None},
    "coarse_only": {"field.parts": "coarse"},
    "fine_only": {"field.parts": "fine"},
    "no_cascade": {"field.coarse_encoding.num_levels": 10},
    "no_semantic": {"semantic": None},
    "no_depth": {"loss.depth": None, "loss.sdf": None},
    "no_normal": {"loss.normal": None},
    "no_sdf_loss": {"loss.sdf": None},
    "no_carving": {"volume.carve": False},
    "no_consistency": {"inpaint.consistency": None},
    "no_confidence": {"data.rays.use_confidence": False},
    "paper_no_inpaint": {"inpaint.painter": None},
    "paper_no_cascade": {"field.parts": "coarse", "field.coarse_encoding.num_octaves": 6},
    "paper_no_semantic": {"semantic": None},
}
"""Ablation -> what the config says with it, and does not say without it."""
ALREADY = {("o2recon", "no_consistency"), ("o2recon", "no_confidence")}
"""The paper paints every view by itself and knows no confidence."""


@pytest.mark.parametrize("experiment", ["quick", "fast", "o2recon"])
@pytest.mark.parametrize("ablation", SAYS)
def test_an_ablation_changes_what_it_says_and_what_is_left_builds(ablation: str, experiment: str) -> None:
    choice = () if experiment == "quick" else (f"experiment={experiment}",)
    if ablation.startswith("paper_") and experiment != "o2recon":
        return  # they compose with any (see above), but only the paper's field takes them
    without, config = composed(*choice), composed(f"ablation={ablation}", *choice)
    for key, value in SAYS[ablation].items():
        assert OmegaConf.select(config, key) == value
        assert (OmegaConf.select(without, key) == value) == ((experiment, ablation) in ALREADY)
    for group in ("volume", "inpaint", "data", "field", "render", "loss", "train"):
        assert build(config[group]) is not None
    if (experiment, ablation) not in ALREADY:
        assert (config.prepared != without.prepared) == _prepares(config, without)


def _prepares(one: DictConfig, other: DictConfig) -> bool:
    return any(one[group] != other[group] for group in ("objects", "volume", "masks", "inpaint", "cues"))


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
