"""The painted sphere behind a plate, and the baselines as configured, on voxels of 1 cm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from sphere_capture import SphereCapture, prepared

from o2recon.cli.build import build
from o2recon.workspace import ObjectFolder


@pytest.fixture(scope="module")
def sphere(tmp_path_factory: pytest.TempPathFactory) -> tuple[SphereCapture, ObjectFolder]:
    return prepared(tmp_path_factory.mktemp("sphere"), size=128)


@pytest.fixture
def half_seen(tmp_path: Path) -> tuple[SphereCapture, ObjectFolder]:
    """From two neighbouring places only."""
    capture, folder = prepared(tmp_path, size=128)
    capture.poses = {i: capture.poses[i] for i in sorted(capture.poses)[:2]}
    return capture, folder


@pytest.fixture
def baseline() -> Callable[[str], Any]:
    """A baseline by its name, as configured but for its voxels."""
    return _baseline


def _baseline(name: str) -> Any:
    inner = "surface." if name == "tsdf_closed" else ""
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose(f"baseline/{name}", overrides=[f"baseline.{inner}min_spacing=0.01"])
    return build(config.baseline)
