"""What a conversion noted is told; what is no such note is none."""

import json
from pathlib import Path

import pytest

from o2recon.scene.converted import NOTES, WRITTEN_BY, read_notes


def test_notes_of_a_conversion_are_told(tmp_path: Path) -> None:
    assert read_notes(tmp_path) is None
    (tmp_path / NOTES).write_text(json.dumps({"written_by": WRITTEN_BY, "layout": "colmap"}))
    assert read_notes(tmp_path) == {"written_by": WRITTEN_BY, "layout": "colmap"}


@pytest.mark.parametrize("text", [b"", b"[]", b'{"written_by": "others"}', b"\xff\xfe", b"[" * 100_000])
def test_other_files_of_that_name_are_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NOTES).write_bytes(text)
    assert read_notes(tmp_path) is None
