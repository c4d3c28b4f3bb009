import json
from pathlib import Path

import numpy as np
import pytest

from o2recon.sweep import is_finished, parsed_config, read_result, write_result


def test_a_result_survives_writing_and_reading(tmp_path: Path) -> None:
    write_result(tmp_path, {"status": "ok", "metrics": {"complete": {"iou": np.float32(0.5), "n": np.int64(2)}}})
    assert read_result(tmp_path) == {"status": "ok", "metrics": {"complete": {"iou": 0.5, "n": 2}}}


def test_numbers_that_are_none_are_null(tmp_path: Path) -> None:
    write_result(tmp_path, {"a": float("nan"), "b": [float("inf"), 1.0]})
    assert json.loads((tmp_path / "result.json").read_text()) == {"a": None, "b": [None, 1.0]}


@pytest.mark.parametrize("content", [b'{"status": "o', b"\xff\xfe", b"[]", b""])
def test_a_damaged_result_counts_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(content)
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


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch {mark}']",
        "a: !!python/object/new:pathlib.Path ['x']",
        "a: &x [lol, lol]\nb: &y [*x, *x]\nc: [*y, *y]",
        "a: " + "[" * 5000,
        "- 1\n- 2",
        "a: [1",
        "x" * (2 << 20),
    ],
)
def test_a_strangers_config_calls_and_repeats_nothing(text: str, tmp_path: Path) -> None:
    assert parsed_config(text.replace("{mark}", str(tmp_path / "ran"))) == {}
    assert not (tmp_path / "ran").exists()
    assert parsed_config("a: ${oc.env:HOME}\n1: {b: [2]}") == {"a": "${oc.env:HOME}", "1": {"b": [2]}}
