from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz

from o2recon.objects import StoredScores
from o2recon.types import Camera, Frame


def frame(index: int) -> Frame:
    nothing = np.zeros((2, 2))
    color, ids = nothing[..., None].repeat(3, -1).astype(np.uint8), nothing.astype(np.int32)
    return Frame(index, color, nothing.astype(np.float32), ids, Camera(np.eye(3), 2, 2), np.eye(4))


def score(file: Path, index: int) -> float:
    return StoredScores(file=file)(frame(index), np.ones((2, 2), bool), "chair")


def test_scores_are_those_of_the_file_and_others_come_last(tmp_path: Path) -> None:
    file = tmp_path / "clip_scores.json"
    file.write_text('{"0": 0.27, "12.jpg": 0.31}')
    assert [score(file, i) for i in (0, 12, 3)] == [0.27, 0.31, -1.0]


def test_a_changed_file_is_another_identity(tmp_path: Path) -> None:
    file = tmp_path / "clip_scores.json"
    identities = [StoredScores(file=file).identity]
    for content in ('{"0": 1}', '{"0": 2}'):
        file.write_text(content)
        identities.append(StoredScores(file=file).identity)
    assert len(set(identities)) == 3


@pytest.mark.slow
def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "clip_scores.json"
    file.write_text('{"0": 0.2712, "1": 0.3101, "17": -0.05}')
    fuzz(file, lambda: score(file, 1), count=10_000)


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"best": 1}', '{"0": "high"}', '{"0": NaN}', '{"0": 1e999}', None])
def test_what_is_no_list_of_scores_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "clip_scores.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=r"clip_scores\.json") as error:
        score(file, 0)
    assert "\n" not in str(error.value)
