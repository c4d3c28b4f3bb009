import errno
import json
from pathlib import Path

import numpy as np
import pytest

from o2recon.files import folder_written_atomically, remove_partial
from o2recon.types import ObjectFrame, ObjectRecord
from o2recon.workspace import ObjectFolder, written_atomically


def test_a_failed_write_names_the_wanted_file_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as raised, written_atomically(tmp_path / "a.png") as temporary:
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.filename == str(tmp_path / "a.png") and not list(tmp_path.iterdir())


def test_what_a_killed_writer_leaves_is_recognised_and_removed(tmp_path: Path) -> None:
    with written_atomically(tmp_path / "a" / "b.png") as temporary:
        temporary.write_bytes(b"half")
        left = temporary.with_name(temporary.name.replace("partial-", "partial-left"))
        left.write_bytes(b"half")
    remove_partial(tmp_path)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.png"]


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "scan"
    for content in ("first", "second"):
        with folder_written_atomically(folder) as temporary:
            (temporary / "pose.txt").write_text(content)
    assert [p.name for p in tmp_path.iterdir()] == ["scan"] and (folder / "pose.txt").read_text() == "second"
    rename = Path.rename

    def fails(path: Path, target: Path) -> Path:
        if not str(path).endswith("-before") and target == folder:
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError), folder_written_atomically(folder) as temporary:
        (temporary / "pose.txt").write_text("third")
    assert (folder / "pose.txt").read_text() == "second"


@pytest.mark.parametrize("moved", [None, np.diag([0.0, 2.0, 2.0, 1.0])[[1, 0, 2, 3]]])
def test_an_object_says_how_the_captures_own_world_lies_in_ours(tmp_path: Path, moved: np.ndarray | None) -> None:
    frame = ObjectFrame(np.zeros(3), np.eye(3), np.ones(3))
    folder = ObjectFolder(tmp_path)
    folder.write_record(ObjectRecord("room", 1, "lamp", frame, (), None, capture_to_world=moved))
    read = folder.read_record().capture_to_world
    assert read is None if moved is None else (read == moved).all()
    content = json.loads((tmp_path / "object.json").read_text())
    del content["capture_to_world"]  # as earlier versions wrote it
    (tmp_path / "object.json").write_text(json.dumps(content))
    assert folder.read_record().capture_to_world is None
