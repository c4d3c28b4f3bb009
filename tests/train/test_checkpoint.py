"""Checkpoints from strangers: nothing in them is called, unpickled or looked up."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from o2recon.train import build_field, load_field, read_checkpoint

FIELD = Path(__file__).parents[2] / "o2recon" / "conf" / "field" / "paper.yaml"


@pytest.fixture
def field_config() -> dict[str, Any]:
    """A field as a resolved config has it."""
    return dict(yaml.safe_load(FIELD.read_text()))


def save(path: Path, config: Any, weights: dict[str, Any] | None = None) -> Path:
    parts = {"o2recon": {"config": {"field": config}, "seed": 0}, "state_dict": weights or {}}
    torch.save(parts, path)
    return path


def test_the_field_of_a_checkpoint_is_rebuilt(tmp_path: Path, field_config: dict[str, Any]) -> None:
    field = build_field(field_config, seed=3)
    weights = {f"field.{k}": v for k, v in field.state_dict().items()}
    loaded = load_field(save(tmp_path / "a.ckpt", field_config, weights))
    assert all(torch.equal(v, loaded.state_dict()[k]) for k, v in field.state_dict().items())


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "pathlib.Path.touch",
        "torch.load",
        "hydra.utils.instantiate",
        "o2recon.sweep.storage.remove",
        "o2recon.cli.slurm.subprocess.run",
        "o2recon.field.cascade.torch.load",
        "o2recon.field",
        "O2RECON.field.Fourier",
        ["o2recon.field.Fourier"],
    ],
)
@pytest.mark.parametrize("deep", [False, True])
def test_a_checkpoint_calls_nothing_but_fields(
    tmp_path: Path, field_config: dict[str, Any], target: Any, deep: bool
) -> None:
    mark = tmp_path / "ran"
    named = {"_target_": target, "_args_": [f"touch {mark}"], "self": str(mark)}
    config = {**field_config, "coarse_encoding": named} if deep else named
    with pytest.raises(ValueError, match=r"a\.ckpt names more than classes of o2recon\.field"):
        load_field(save(tmp_path / "a.ckpt", config))
    assert not mark.exists()


@pytest.mark.parametrize("key", ["_partial_", "_args_", "_convert_", "_recursive_"])
def test_what_changes_the_call_is_refused_too(tmp_path: Path, field_config: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match="names more than classes"):
        load_field(save(tmp_path / "a.ckpt", {**field_config, key: True}))


def test_references_are_not_looked_up(tmp_path: Path, field_config: dict[str, Any]) -> None:
    os.environ["O2RECON_TEST_SECRET"] = "24"
    with pytest.raises(ValueError, match="holds a reference"):
        load_field(save(tmp_path / "a.ckpt", {**field_config, "num_hidden": "${oc.env:O2RECON_TEST_SECRET}"}))


class Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def test_pickled_objects_are_not_made(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "a.ckpt"
    torch.save({"o2recon": Payload(mark), "state_dict": {}}, path)
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        load_field(path)
    path.write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        read_checkpoint(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # it would have run


@pytest.mark.parametrize("content", [[], {}, {"o2recon": 3, "state_dict": {}}, {"o2recon": {}}, torch.zeros(2)])
def test_another_programs_checkpoint_is_one_line(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match="is no checkpoint of o2recon"):
        load_field(tmp_path / "a.ckpt")


def test_weights_of_another_field_are_one_line(tmp_path: Path, field_config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="weights of another field"):
        load_field(save(tmp_path / "a.ckpt", field_config, {"field.nothing": torch.zeros(2)}))
