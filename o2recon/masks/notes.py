"""What the mask stage notes about each view, and what it warns of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from o2recon.masks.crop import Crop
from o2recon.masks.hidden import Claims


@dataclass(frozen=True)
class ViewNotes:
    """`hidden_share`: hidden part of the amodal mask. `beyond_share`: part of the hidden mask where no permitted volume
    lies behind what was measured, so that it goes beyond what carving leaves. Both in [0, 1]."""

    hidden_share: float
    beyond_share: float
    touches_border: bool


def view_notes(
    claims: Claims,
    named: Bool[np.ndarray, "height width"],
    permitted: Bool[np.ndarray, "height width"],
    crop: Crop,
    image_size: tuple[int, int],
) -> ViewNotes:
    """Of one view; all masks are of the window `crop`, `image_size` is the (height, width) of the whole image."""
    hidden = claims.hidden
    count, visible = int(hidden.sum()), int(named.sum())
    height, width = image_size
    sides = (
        (crop.top == 0, hidden[0]),
        (crop.left == 0, hidden[:, 0]),
        (crop.top + crop.height == height, hidden[-1]),
        (crop.left + crop.width == width, hidden[:, -1]),
    )
    return ViewNotes(
        count / max(count + visible, 1),
        int((hidden & ~permitted).sum()) / max(count, 1),
        any(at_border and bool(side.any()) for at_border, side in sides),
    )


def warnings_of(notes: Mapping[int, ViewNotes], *, large_share: float, max_beyond_share: float) -> list[str]:
    """One line for each thing that is suspicious, with the views in which it is."""
    found = []
    if views := _where(notes, lambda n: n.touches_border):
        found.append(f"the hidden mask touches the image border in views {views}")
    if views := _where(notes, lambda n: n.hidden_share > large_share):
        found.append(f"more than {large_share:.0%} of the object would be hidden in views {views}")
    if views := _where(notes, lambda n: n.beyond_share > max_beyond_share):
        found.append(
            f"more than {max_beyond_share:.0%} of the hidden mask lies where other frames saw that the object is not,"
            f" in views {views}"
        )
    return found


def left_out(
    visible: Mapping[int, Bool[np.ndarray, "height width"]],
    complete: Mapping[int, Bool[np.ndarray, "height width"]],
    *,
    max_left_out: float,
) -> list[str]:
    """A line when given complete masks leave out more than `max_left_out` of what is visible."""
    views = [v for v, mask in visible.items() if (mask & ~complete[v]).sum() > max_left_out * mask.sum()]
    if not views:
        return []
    shown = ", ".join(map(str, views))
    return [
        f"the given masks leave out more than {max_left_out:.0%} of what is visible in views {shown}: are they its?"
    ]


def _where(notes: Mapping[int, ViewNotes], is_so: Callable[[ViewNotes], bool]) -> str:
    return ", ".join(str(view) for view, note in notes.items() if is_so(note))
