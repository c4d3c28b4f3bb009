import os
from pathlib import Path

from o2recon.manifest import changed_since, watch, write_manifest


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
