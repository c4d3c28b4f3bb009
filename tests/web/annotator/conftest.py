"""One sphere behind a plate, ready to be painted. Tests that save get a session of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sphere_capture import prepared

from o2recon.masks import Masks
from o2recon.web.annotator import Annotator, Session

CONF = Path(__file__).parents[3] / "o2recon" / "conf"
CHOICE = {"num_views": 3, "min_angle_deg": 30.0, "min_share": 0.2}


def masks(**changes: Any) -> Masks:
    """The mask stage as configured, any of its values replaced."""
    stage: Masks = instantiate(OmegaConf.load(CONF / "masks/auto.yaml"), **changes)
    return stage


@pytest.fixture
def make_session(tmp_path: Path) -> Callable[..., Any]:
    """(session, capture, folder, mask stage) of the sphere; options of the mask stage can be changed."""

    def make(*, size: int = 64, sketches: dict | None = None, **changes: Any) -> Any:
        capture, folder = prepared(tmp_path, size=size)
        capture.painted = sketches or {}
        stage = masks(**changes)
        return Session(capture, folder, stage, continue_with="o2recon run object=1", **CHOICE), capture, folder, stage

    return make


@pytest.fixture
def make_annotator() -> Callable[..., Annotator]:
    """Annotator with the values of its yaml and any free port, any of them replaced."""
    values = {k: v for k, v in yaml.safe_load((CONF / "annotate/default.yaml").read_text()).items() if k != "_target_"}
    return lambda **changes: Annotator(**{**values, "port": 0, **changes})
