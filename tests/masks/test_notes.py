import numpy as np
import pytest

from o2recon.masks import Claims, Crop
from o2recon.masks.notes import ViewNotes, left_out, view_notes, warnings_of

NOTHING = np.zeros((10, 20), bool)


def noted(hidden: np.ndarray, *, named: np.ndarray = NOTHING, permitted: np.ndarray = ~NOTHING) -> ViewNotes:
    """Of a window in the lower right corner of an image of 30 x 40 pixels."""
    claims = Claims(hidden.astype(np.float32), NOTHING, NOTHING)
    return view_notes(claims, named, permitted, Crop(20, 20, 10, 20), (30, 40))


def test_shares_are_those_of_the_amodal_and_of_the_hidden_mask() -> None:
    hidden, named, permitted = NOTHING.copy(), NOTHING.copy(), NOTHING.copy()
    hidden[2:6, 2:12], named[2:6, 12:14], permitted[2:6, 2:5] = True, True, True
    notes = noted(hidden, named=named, permitted=permitted)
    assert notes.hidden_share == 40 / 48 and notes.beyond_share == 28 / 40 and not notes.touches_border
    assert noted(NOTHING) == ViewNotes(0.0, 0.0, False)


@pytest.mark.parametrize(("row", "column", "touches"), [(0, 5, False), (5, 0, False), (9, 5, True), (5, 19, True)])
def test_only_the_border_of_the_image_counts_not_that_of_the_window(row: int, column: int, touches: bool) -> None:
    hidden = NOTHING.copy()
    hidden[row, column] = True
    assert noted(hidden).touches_border == touches


def test_each_warning_names_its_views_and_nothing_else_is_said() -> None:
    notes = {3: ViewNotes(0.9, 0.0, False), 4: ViewNotes(0.2, 0.3, True), 7: ViewNotes(0.2, 0.0, True)}
    found = warnings_of(notes, large_share=0.85, max_beyond_share=0.1)
    assert [w.rpartition("views ")[2] for w in found] == ["4, 7", "3", "4"]
    assert warnings_of({3: ViewNotes(0.85, 0.1, False)}, large_share=0.85, max_beyond_share=0.1) == []


def test_complete_masks_that_leave_out_visible_parts_are_named() -> None:
    visible = ~NOTHING
    half = visible.copy()
    half[:5] = False
    assert left_out({1: visible, 2: visible}, {1: visible, 2: visible}, max_left_out=0.05) == []
    (warning,) = left_out({1: visible, 2: visible}, {1: visible, 2: half}, max_left_out=0.05)
    assert "views 2:" in warning
