import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import o2recon.manifest
from o2recon.manifest import altered, changed_since, watch, write_manifest


def manifest(folder: Path, *patterns: Path) -> Path:
    file = folder / "object" / "masks" / "manifest.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(file, stage="masks", config={}, inputs={}, notes={}, watched=watch(file, patterns))
    return file


def test_a_file_that_is_added_changed_or_removed_is_seen_and_a_new_date_alone_is_not(tmp_path: Path) -> None:
    place = tmp_path / "given"
    place.mkdir()
    (place / "1.png").write_bytes(b"one")
    file = manifest(tmp_path, place / "*.png")
    assert changed_since(file) is None
    os.utime(place / "1.png", (1, 1))
    assert changed_since(file) is None
    (place / "1.png").write_bytes(b"two")
    assert changed_since(file) == str(place / "*.png")
    (place / "1.png").write_bytes(b"one")
    (place / "2.txt").touch()
    assert changed_since(file) is None
    (place / "2.png").touch()
    assert changed_since(file) == str(place / "*.png")
    (place / "2.png").unlink()
    (place / "1.png").unlink()
    assert changed_since(file) == str(place / "*.png")


def test_files_in_the_objects_own_folder_may_move_with_it(tmp_path: Path) -> None:
    sketches = tmp_path / "object" / "sketches"
    sketches.mkdir(parents=True)
    (sketches / "1.png").write_bytes(b"one")
    manifest(tmp_path, sketches / "*.png")
    moved = (tmp_path / "object").rename(tmp_path / "moved")
    assert changed_since(moved / "masks" / "manifest.json") is None
    (moved / "sketches" / "1.png").unlink()
    assert changed_since(moved / "masks" / "manifest.json") == str(moved / "sketches" / "*.png")


def test_manifests_of_before_watch_nothing(tmp_path: Path) -> None:
    file = manifest(tmp_path)
    file.write_text(file.read_text().replace("watched", "other"))
    assert changed_since(file) is None


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A manifest with two outputs."""
    files = [tmp_path / "out" / "a.bin", tmp_path / "out" / "below" / "b.bin"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(range(100)))
    write_manifest(tmp_path / "out" / "manifest.json", stage="x", config={}, inputs={}, notes={}, outputs=files)
    return tmp_path / "out" / "manifest.json"


def cut(file: Path) -> None:
    os.truncate(file, 50)


def flip(file: Path) -> None:
    file.write_bytes(bytes(range(99)) + b"\xff")


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("damage", [cut, flip])
def test_a_changed_file_is_named_and_one_that_is_gone_where_it_is_needed(
    damage: Callable[[Path], None], quick: bool, written: Path
) -> None:
    assert altered(written, quick=quick) is None
    file = written.parent / "below" / "b.bin"
    damage(file)
    assert altered(written, quick=quick) == f"{file} was changed"
    file.unlink()
    assert altered(written, quick=quick) == f"{file} is gone"
    assert altered(written, quick=quick, needed=False) is None


def test_contents_are_read_only_where_size_or_date_differ(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    digest = o2recon.manifest._digest
    monkeypatch.setattr(o2recon.manifest, "_digest", lambda path: read.append(path) or digest(path))
    assert altered(written, quick=True) is None and read == []
    (written.parent / "a.bin").touch()  # as an exporter or a copy of the folder may do
    assert altered(written, quick=True) is None and read == [written.parent / "a.bin"]
    assert altered(written) is None and len(read) == 3


def test_a_copied_folder_is_as_it_was(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written.parent, tmp_path / "copy", copy_function=shutil.copyfile)
    assert altered(tmp_path / "copy" / "manifest.json", quick=True) is None


@pytest.mark.parametrize("quick", [False, True])
def test_digests_alone_are_enough(written: Path, quick: bool) -> None:
    content = json.loads(written.read_text())
    content["outputs"] = {name: seal.split()[0] for name, seal in content["outputs"].items()}
    written.write_text(json.dumps(content))
    assert altered(written, quick=quick) is None
    cut(written.parent / "a.bin")
    assert altered(written, quick=quick) == f"{written.parent / 'a.bin'} was changed"


@pytest.mark.parametrize("text", ['{"stage": "x", "outp', "[]", '{"outputs": 3}'])
def test_a_damaged_manifest_is_named(text: str, written: Path) -> None:
    written.write_text(text)
    assert altered(written) == f"{written} cannot be read"
