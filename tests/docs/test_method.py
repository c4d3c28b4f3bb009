"""docs/method.md names files that exist and switches that compose."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from o2recon.cli.build import build

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "method.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and line.count("|") == 5 and not line.startswith(("| paper |", "| ---"))
]


def test_every_file_that_is_named_exists() -> None:
    files = set(re.findall(r"`(o2recon/[\w/]+\.py)`", TEXT))
    assert len(files) > 40
    assert [file for file in sorted(files) if not (ROOT / file).is_file()] == []


def test_every_row_names_a_file_and_a_switch() -> None:
    assert len(ROWS) > 45
    assert [row[0] for row in ROWS if "`o2recon/" not in row[1] or not row[2].startswith("`")] == []


PARTS = (
    *("scene:", "objects:", "view choice", "sketch in", "depth in-painting", "mask projection", "colour in-painting"),
    *("normals of SNU", "normalise", "mesh:", "evaluation", "coarse network", "fine network", "stage 1", "colour:"),
    *("sharpness", "64 + 64", "cosine annealing", "512 rays", "colour, weight 1", "mask, weight 5"),
    *("eikonal, weight 0.1", "depth, weight 1", "normal, weight 1", "sdf, weight 1", "free space, weight 1"),
    *("semantic, weight 1", "Adam 2e-4"),
)
"""What the paper is made of, as the rows begin."""


def test_every_part_of_the_paper_has_a_row() -> None:
    assert [part for part in PARTS if not any(row[0].startswith(part) for row in ROWS)] == []


def keys(switch: str) -> set[str]:
    return {word.lstrip("+~").split("=")[0].split("@")[-1] for word in switch.split()}


def collide(one: str, other: str) -> bool:
    """A group or a whole part in one, something of it in the other."""
    pairs = ((f"{a}.", f"{b}.") for a in keys(one) for b in keys(other))
    return any(a.startswith(b) or b.startswith(a) for a, b in pairs) or "experiment" in keys(one) | keys(other)


def batches() -> list[list[str]]:
    """All switches, as many at once as do not collide: composing takes a while."""
    found: list[list[str]] = []
    for switch in dict.fromkeys(s for row in ROWS for s in re.findall(r"`([^`]+)`", row[2])):
        home = next((batch for batch in found if not any(collide(switch, s) for s in batch)), None)
        if home is None:
            found.append([switch])
        else:
            home.append(switch)
    return found


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: batch[0])
def test_every_switch_composes_and_what_it_changes_builds(batch: list[str]) -> None:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=["stage=run", *(word for switch in batch for word in switch.split())])
    for group in {key.split(".")[0] for switch in batch for key in keys(switch)} - {"experiment", "ablation", "scene"}:
        assert config[group] is None or build(config[group]) is not None
