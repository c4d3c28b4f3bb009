import numpy as np
import pytest
from hydra import compose, initialize_config_module
from training_sphere import TrainingSphere, training_sphere

from o2recon.cli.build import build
from o2recon.inpaint import Inpaint, depth_normals
from o2recon.masks import TrainingMasks
from o2recon.types import ObjectView


@pytest.fixture(scope="module")
def sphere(tmp_path_factory: pytest.TempPathFactory) -> TrainingSphere:
    """With its masks."""
    found = training_sphere(tmp_path_factory.mktemp("training"))
    TrainingMasks(folder=found.data, given_confidence=1.0)(found.scene, found.folder)
    return found


def painted(sphere: TrainingSphere, *overrides: str) -> list[ObjectView]:
    """The views after in-painting as the config does it; their normals are those of the in-painting."""
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose(
            "config",
            overrides=["stage=run", "scene=o2recon_training", f"scene.root={sphere.data.root}", *overrides],
        )
    stage: Inpaint = build(config.inpaint)
    notes = stage.on("cpu", seed=0)(sphere.scene, sphere.folder)
    assert notes["inpainter"] == ("training data" if "inpaint.painter=null" not in overrides else "none")
    found = []
    for view in sphere.folder.read_record().views:
        sphere.folder.write_normal("cues/normal", view.index, sphere.folder.read_normal("inpainted/normal", view.index))
        found.append(sphere.folder.read_view(view))
    return found


def test_in_painted_pictures_depth_and_confidence_are_those_that_were_written(sphere: TrainingSphere) -> None:
    for number, (before, after) in enumerate(zip(sphere.before, painted(sphere), strict=True)):
        hidden = after.hidden
        assert hidden.any()
        np.testing.assert_allclose(
            after.confidence[hidden], sphere.carried(number, before.confidence)[hidden], atol=0.003
        )
        assert (after.confidence[after.visible] == 1).all()
        expected = sphere.carried(number, before.object_depth)
        own = (after.visible | hidden) & (after.object_depth > 0) & (expected > 0)
        assert own.sum() > 0.98 * (after.visible | hidden).sum()
        assert np.abs(after.object_depth - expected)[own].mean() < 0.003  # half a pixel of a ball's side
        color = np.stack([sphere.carried(number, before.color[..., k]) for k in range(3)], -1)
        assert np.abs(after.color[hidden] - color[hidden]).mean() < 4  # two generations of JPEG
        normals = depth_normals(after.object_depth, after.camera)
        assert (after.normal[hidden] * normals[hidden]).sum(-1).mean() > 0.7


def test_without_a_painter_hidden_pixels_are_silent(sphere: TrainingSphere) -> None:
    for view in painted(sphere, "inpaint.painter=null"):
        assert not view.confidence[view.hidden].any() and (view.confidence[view.visible] == 1).all()


def test_the_scene_brings_its_stages_and_an_ablation_still_wins() -> None:
    def chosen(*overrides: str) -> tuple[str, str, bool]:
        with initialize_config_module("o2recon.conf", version_base="1.3"):
            config = compose("config", overrides=["stage=run", "scene=o2recon_training", "scene.root=x", *overrides])
        painter = config.inpaint.painter
        return config.masks._target_, "none" if painter is None else painter._target_, config.cues.normal is None

    ours = ("o2recon.masks.TrainingMasks", "o2recon.inpaint.TrainingPainter", False)
    assert chosen() == chosen("experiment=fast") == chosen("experiment=o2recon") == ours
    assert chosen("ablation=no_inpaint") == (ours[0], "none", False)
    assert chosen("masks=carve")[0] == "o2recon.masks.Masks"
