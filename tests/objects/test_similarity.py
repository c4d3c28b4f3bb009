"""View scores by a network: crops, scores, their file, and what happens without weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from o2recon.objects import AreaSharpness, ClipSimilarity, reference_view, similarity_scores, square_crop
from o2recon.types import Camera, Frame, ObjectFrame, ObjectRecord, ViewRecord
from o2recon.workspace import ObjectFolder, write_image

CAMERA = Camera(np.array([[120.0, 0, 20], [0, 120, 20], [0, 0, 1]]), 40, 40)


class Brightness:
    """Calls a picture more similar to 'lamp' the brighter it is, and to anything else the darker."""

    identity = "brightness@1"

    def __init__(self, obstacle: str | None = None) -> None:
        self.obstacle = obstacle

    def on(self, device: str) -> "Brightness":
        return self

    def similarity(self, picture: np.ndarray, text: str) -> float:
        mean = float(picture.mean())
        return mean if text == "lamp" else -mean


def score(encoder: Brightness | None = None, *, with_other: bool = False, prompt: str = "{category}") -> ClipSimilarity:
    other = AreaSharpness(margin=0.05, border_penalty=0.5) if with_other else None
    return ClipSimilarity(encoder=encoder or Brightness(), otherwise=other, prompt=prompt, margin=0.0)


def frame(grey: int, index: int = 0) -> Frame:
    color = np.full((40, 40, 3), 255 - grey, np.uint8)
    color[10:20, 12:18] = grey
    return Frame(index, color, np.ones((40, 40), np.float32), np.zeros((40, 40), np.int32), CAMERA, np.eye(4))


def mask() -> np.ndarray:
    found = np.zeros((40, 40), bool)
    found[10:20, 12:18] = True
    return found


def record(scores: dict[int, float], held_out: set[int]) -> ObjectRecord:
    views = tuple(ViewRecord(i, CAMERA, np.eye(4), s, i in held_out) for i, s in scores.items())
    return ObjectRecord("room", 1, "lamp", ObjectFrame(np.zeros(3), np.eye(3), np.ones(3)), views, None)


def test_the_crop_is_a_square_around_the_mask_and_zero_outside_the_image() -> None:
    image = np.arange(1, 1601).reshape(40, 40, 1)
    crop = square_crop(image, mask(), margin=0.0)
    assert crop.shape == (10, 10, 1) and (crop == image[10:20, 10:20]).all()
    corner = np.zeros((40, 40), bool)
    corner[:6, :2] = True
    crop = square_crop(image, corner, margin=0.5)
    assert crop.shape == (12, 12, 1)
    assert (crop[3:, 5:] == image[:9, :7]).all() and not crop[:3].any() and not crop[:, :5].any()


def test_scores_are_of_the_crop_and_the_category() -> None:
    bright, dark = (score()(frame(grey), mask(), "lamp") for grey in (250, 5))
    assert bright > dark
    assert score()(frame(250), mask(), "hole") < score()(frame(5), mask(), "hole")
    assert score(prompt="a {category}")(frame(250), mask(), "lamp") < 0
    assert score()(frame(250), np.zeros((40, 40), bool), "lamp") == -1


def test_without_weights_the_other_score_is_used_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    without = score(Brightness("no weights of owner/name on this machine"), with_other=True)
    with caplog.at_level("INFO", logger="o2recon"):
        without.prepare()
    assert "not by CLIP: no weights of owner/name" in caplog.text
    assert without(frame(250), mask(), "lamp") == AreaSharpness(margin=0.05, border_penalty=0.5)(frame(250), mask())
    assert without.identity != score(with_other=True).identity == "brightness@1"


def test_the_reference_is_the_best_view_that_is_trained_with(tmp_path: Path) -> None:
    scores = {3: 0.2, 7: 0.9, 9: 0.5}
    found, folder = record(scores, held_out={7}), ObjectFolder(tmp_path)
    assert reference_view(found, scores) == 9
    score().write(folder, {**scores, 11: 0.7}, found)
    content = json.loads((tmp_path / "clip_scores.json").read_text())
    assert content["reference"] == 9 and content["text"] == "lamp" and content["network"] == "brightness@1"
    assert content["scores"] == {"3": 0.2, "7": 0.9, "9": 0.5, "11": 0.7}
    score(Brightness("none"), with_other=True).write(folder, scores, found)
    assert not (tmp_path / "clip_scores.json").exists()


def test_scores_are_read_when_they_are_of_this_network_and_text_and_made_otherwise(tmp_path: Path) -> None:
    found, folder = record({3: 0.2, 7: 0.9}, held_out=set()), ObjectFolder(tmp_path)
    for view, grey in zip(found.views, (40, 200), strict=True):
        write_image(folder.image("images", view.index), frame(grey).color)
        write_image(folder.image("masks/visible", view.index), mask())
    score().write(folder, {3: 0.2, 7: 0.9}, found)
    assert similarity_scores(folder, found, Brightness(), text="lamp", margin=0.0) == {3: 0.2, 7: 0.9}
    made = similarity_scores(folder, found, Brightness(), text="cup", margin=0.0)
    assert set(made) == {3, 7} and made[7] < made[3] < 0


def test_the_stage_chooses_by_the_network_and_writes_its_scores(
    scene_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hydra import compose, initialize_config_module
    from hydra.utils import instantiate

    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=["stage=run", "objects=clip", "objects.min_frames=2"]).objects
    network = "o2recon.models.clip.Clip"
    monkeypatch.setattr(f"{network}.obstacle", None)
    monkeypatch.setattr(f"{network}.identity", "tiny@1")
    monkeypatch.setattr(f"{network}.on", lambda self, device: self)
    monkeypatch.setattr(f"{network}.similarity", lambda self, picture, text: float(picture.shape[0]) / 100)
    objects = instantiate(config, _convert_="all").on("cpu")
    instances = []
    for size in (20, 30, 24):
        ids = np.zeros((100, 100), np.int32)
        ids[40 : 40 + size, 40 : 40 + size] = 1
        instances.append(ids)
    scene = scene_of(instances, [np.full((100, 100), 4)] * 3, depth=1.0)
    folder = ObjectFolder(tmp_path)
    objects(scene, folder, objects.select(scene).require(1))
    content = json.loads((tmp_path / "clip_scores.json").read_text())
    assert content["scores"] == {"0": 0.2, "1": 0.3, "2": 0.24} and content["text"] == "table"
    assert [v.score for v in folder.read_record().views] == [0.2, 0.3, 0.24]
    assert objects.inputs(folder) == {"view score": "tiny@1"}
