"""A finished run that tests of several commands begin with."""

import functools
from pathlib import Path

import pytest

from o2recon.cli.main import status_of
from o2recon.evaluate import evaluator


@pytest.fixture(scope="session")
def smoke_study(tmp_path_factory: pytest.TempPathFactory, tiny_room: Path) -> Path:
    """A folder in which `run experiment=smoke` was done once for object 1, scored by few samples; not to be changed."""
    folder = tmp_path_factory.mktemp("study")
    places = [f"work={folder / 'work'}", f"outputs={folder / 'outputs'}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluator, "score", functools.partial(evaluator.score, prediction_samples=2000, iou_samples=1000))
        typed = ["run", "experiment=smoke", f"scene.root={tiny_room}", "object=1", "device=cpu", *places]
        assert status_of(typed) == 0
    return folder
