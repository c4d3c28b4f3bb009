import shutil
from pathlib import Path

import numpy as np
import pytest
from training_sphere import TrainingSphere, training_sphere

from o2recon.masks import TrainingMasks
from o2recon.scene import TrainingFolder
from o2recon.workspace import read_image


@pytest.fixture(scope="module")
def sphere(tmp_path_factory: pytest.TempPathFactory) -> TrainingSphere:
    return training_sphere(tmp_path_factory.mktemp("training"))


def test_masks_are_those_that_were_written(sphere: TrainingSphere) -> None:
    TrainingMasks(folder=sphere.data, given_confidence=0.5)(sphere.scene, sphere.folder)
    for number, view in enumerate(sphere.before):
        found = {kind: sphere.folder.read_mask(f"masks/{kind}", number) for kind in ("hidden", "possible", "unknown")}
        np.testing.assert_array_equal(found["hidden"], sphere.carried(number, view.hidden) > 0)
        silent = sphere.carried(number, view.possible | view.unknown) > 0
        np.testing.assert_array_equal(found["possible"] | found["unknown"], silent)
        assert silent.any() and not (found["possible"] & found["unknown"]).any()
        claim = read_image(sphere.folder.image("masks/claim", number)) / 255
        np.testing.assert_allclose(claim, sphere.carried(number, view.claim), atol=0.5 / 255)


def test_without_ours_beside_theirs_every_claim_is_as_sure_as_said(sphere: TrainingSphere, tmp_path: Path) -> None:
    theirs = shutil.ignore_patterns("claim", "confidence")
    copy = TrainingFolder(root=shutil.copytree(sphere.data.root, tmp_path / "copy", ignore=theirs), image_size=None)
    TrainingMasks(folder=copy, given_confidence=0.5)(sphere.scene, sphere.folder)
    for number, view in enumerate(sphere.before):
        assert not sphere.folder.read_mask("masks/unknown", number).any()
        claim = read_image(sphere.folder.image("masks/claim", number))
        np.testing.assert_array_equal(claim, 128 * (sphere.carried(number, view.hidden) > 0))


def test_confidences_outside_of_the_unit_interval_are_errors(sphere: TrainingSphere) -> None:
    with pytest.raises(ValueError, match=r"given_confidence is 1\.5"):
        TrainingMasks(folder=sphere.data, given_confidence=1.5)
