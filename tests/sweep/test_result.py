import json
from pathlib import Path

import numpy as np
import pytest

from o2recon.sweep import is_finished, read_result, write_result


def test_a_result_survives_writing_and_reading(tmp_path: Path) -> None:
    write_result(tmp_path, {"status": "ok", "metrics": {"complete": {"iou": np.float32(0.5), "n": np.int64(2)}}})
    assert read_result(tmp_path) == {"status": "ok", "metrics": {"complete": {"iou": 0.5, "n": 2}}}


def test_numbers_that_are_none_are_null(tmp_path: Path) -> None:
    write_result(tmp_path, {"a": float("nan"), "b": [float("inf"), 1.0]})
    assert json.loads((tmp_path / "result.json").read_text()) == {"a": None, "b": [None, 1.0]}


def test_a_torn_result_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"status": "o')
    assert read_result(tmp_path) is None


@pytest.mark.parametrize(
    ("status", "fingerprint", "retry", "finished"),
    [
        ("ok", "a", None, True),
        ("ok", "a", "failed", True),
        ("ok", "a", "all", False),
        ("ok", "b", None, False),
        ("failed", "a", None, True),
        ("failed", "a", "failed", False),
        ("failed", "b", None, False),
    ],
)
def test_what_is_skipped(status: str, fingerprint: str, retry: str | None, finished: bool) -> None:
    assert is_finished({"status": status, "fingerprint": fingerprint}, fingerprint="a", retry=retry) is finished
    assert not is_finished(None, fingerprint="a", retry=retry)
