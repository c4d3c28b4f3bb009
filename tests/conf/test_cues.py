"""Normals and depth are chosen each for itself, and the default is what it was before there was a choice."""

from functools import cache
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from o2recon.cli.build import build
from o2recon.cli.options import nested

NORMAL, DEPTH = nested()["cues/normal"], nested()["cues/depth"]


@cache
def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        content = OmegaConf.to_container(compose("config", overrides=["stage=run", *overrides]).cues)
    assert isinstance(content, dict)
    return {str(k): v for k, v in content.items()}


def test_choices_are_there() -> None:
    assert {"sensor", "marigold", "snu", "files"} <= set(NORMAL)
    assert {"sensor", "depth_anything", "marigold", "files"} <= set(DEPTH)


@pytest.mark.parametrize(
    ("normal", "depth"), [*((n, "sensor") for n in NORMAL), *(("sensor", d) for d in DEPTH), ("snu", "marigold")]
)
def test_every_choice_builds(normal: str, depth: str) -> None:
    choices = [f"cues/{k}={v}" for k, v in (("normal", normal), ("depth", depth)) if v != "sensor"]
    config = composed(*choices)
    cues = build(OmegaConf.create(config))
    assert set(cues.maps) == {k for k, v in (("normal", normal), ("depth", depth)) if v != "sensor"}
    assert ("normal" in config, "depth" in config) == (normal != "sensor", depth != "sensor")


def test_the_sensor_alone_has_the_keys_that_prepared_folders_were_made_with() -> None:
    default = composed()
    assert default == composed("cues=marigold", "cues/normal=sensor")
    assert not {"normal", "depth"} & set(default)


@pytest.mark.parametrize(
    ("short", "group"), [("marigold", "normal"), ("snu", "normal"), ("files", "normal"), ("depth_anything", "depth")]
)
def test_short_names_stand_for_one_choice(short: str, group: str) -> None:
    assert composed(f"cues={short}") == composed(f"cues/{group}={short}")
