"""TensorBoard's files, read back with its own reader."""

from pathlib import Path
from typing import Any

import pytest
from made_up_study import write_run

from o2recon.logger import Panels, RunFacts, TensorBoardLogger
from o2recon.logger.csv_files import read_curves
from o2recon.logger.facts import numbers

events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder: Path) -> Any:
    found = events.EventAccumulator(str(folder))
    found.Reload()
    return found


def test_event_files_have_the_keys_of_the_csv_files(facts: RunFacts, panels: Panels, result: dict[str, Any]) -> None:
    with TensorBoardLogger(media="all", views=panels).run(facts) as log:
        log.finished(result)  # trained before: the curves are those of metrics.csv
    found = read(facts.folder / "tensorboard")
    curves = {key for _, values in read_curves(facts.folder / "metrics.csv") for key in values}
    assert set(found.Tags()["scalars"]) == curves | set(numbers(result))
    assert [(e.step, e.value) for e in found.Scalars("train/loss/total")] == [(10, 0.5), (20, 0.25)]
    assert found.Scalars("test/hidden/f_score_2cm")[0].value == pytest.approx(0.6 * 0.68)
    assert "views/truth_error/view 0" in found.Tags()["images"]


def test_a_continued_run_repeats_itself_without_doubles(facts: RunFacts, panels: Panels) -> None:
    logger = TensorBoardLogger(media="none", views=panels)
    for end in (3, 6):
        with logger.run(facts) as log:
            for step in range(end):
                log.curves(step, {"train/inv_s": 1.0})
    found = read(facts.folder / "tensorboard")
    assert [e.step for e in found.Scalars("train/inv_s")] == list(range(6))


def test_pictures_can_be_left_out(facts: RunFacts, panels: Panels, result: dict[str, Any]) -> None:
    with TensorBoardLogger(media="none", views=panels).run(facts) as log:
        log.finished(result)
    assert read(facts.folder / "tensorboard").Tags()["images"] == []


def test_the_study_has_its_tables(tmp_path: Path, panels: Panels) -> None:
    for ablation in ("none", "no_inpaint"):
        write_run(tmp_path, ("quick", ablation), ("room", 2))
    TensorBoardLogger(media="all", views=panels).study(tmp_path)
    found = read(tmp_path / "tensorboard")
    text = found.Tensors("study/methods/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "quick" in text and "no\\_inpaint" in text
    assert found.Scalars("study/num_ok")[0].value == 2
