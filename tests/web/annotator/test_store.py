"""Sketches on disk."""

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from o2recon.types import Camera
from o2recon.web.annotator import store as module
from o2recon.web.annotator.store import NO_FILE, Changed, SketchStore
from o2recon.workspace import ObjectFolder

CAMERA = Camera(np.eye(3), 40, 30)


@pytest.fixture
def store(tmp_path: Path) -> SketchStore:
    return SketchStore(ObjectFolder(tmp_path / "objects" / "2"), CAMERA)


def square(size: int) -> np.ndarray:
    mask = np.zeros((30, 40), bool)
    mask[:size, :size] = True
    return mask


def test_a_saved_sketch_is_the_paper_s_file(store: SketchStore, tmp_path: Path) -> None:
    store.save(12, square(9), expected=NO_FILE)
    file = tmp_path / "objects" / "2" / "sketches" / "12_class_inpaint mask.png"
    image = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, square(9) * np.uint8(255))
    np.testing.assert_array_equal(store.read()[12], square(9))


def test_another_page_s_change_is_not_overwritten(store: SketchStore) -> None:
    first = store.save(1, square(3), expected=NO_FILE)
    second = store.save(1, square(4), expected=first)
    with pytest.raises(Changed) as refused:
        store.save(1, square(5), expected=first)
    assert refused.value.version == second
    with pytest.raises(Changed):
        store.remove(1, expected=first)
    np.testing.assert_array_equal(store.read()[1], square(4))
    store.remove(1, expected=second)
    assert store.version(1) == NO_FILE and store.read() == {}


def test_nothing_half_written_is_left_when_writing_fails(store: SketchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    version = store.save(1, square(3), expected=None)

    def broken(path: Path, image: np.ndarray) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(module, "write_image", broken)
    with pytest.raises(OSError, match="No space left"):
        store.save(1, square(7), expected=version)
    assert store.version(1) == version and len(list(store.path(1).parent.iterdir())) == 1


def test_of_many_at_once_one_wins_and_the_file_is_whole(store: SketchStore) -> None:
    won: list[int] = []

    def save(size: int) -> None:
        try:
            store.save(1, square(size), expected=NO_FILE)
            won.append(size)
        except Changed:
            pass

    threads = [threading.Thread(target=save, args=(n,)) for n in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    np.testing.assert_array_equal(store.read()[1], square(won[0]))


def test_an_empty_sketch_is_refused(store: SketchStore) -> None:
    with pytest.raises(ValueError, match="nothing is painted"):
        store.save(1, square(0), expected=None)
