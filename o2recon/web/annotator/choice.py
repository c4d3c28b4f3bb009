"""Which views are worth painting: where most is hidden, from different directions."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float


def choose_views(
    areas: Mapping[int, float],
    positions: Mapping[int, Float[np.ndarray, "3"]],
    center: Float[np.ndarray, "3"],
    *,
    count: int,
    min_angle_deg: float,
    min_share: float,
) -> tuple[int, ...]:
    """At most `count` views, the most worthwhile first; empty only when `areas` is.

    `areas`: hidden pixels per view. `positions`: camera centres, `center`: the object's, world metres. The first view
    has the largest area. Each further one has the largest area among those seen from a direction at least
    `min_angle_deg` away from all chosen ones, and at least `min_share` of the first one's area. Equal areas: the lower
    index.
    """
    if not areas:
        return ()
    ordered = sorted(areas, key=lambda view: (-areas[view], view))
    directions = {view: _unit(positions[view] - center) for view in ordered}
    limit = np.cos(np.radians(min_angle_deg))
    chosen = [ordered[0]]
    for view in ordered[1:]:
        if len(chosen) == count:
            break
        apart = all(float(directions[view] @ directions[other]) <= limit for other in chosen)
        if apart and areas[view] > 0 and areas[view] >= min_share * areas[ordered[0]]:
            chosen.append(view)
    return tuple(chosen)


def _unit(vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))
