"""Triangles of every case of marching cubes, derived instead of copied: closed between cells by construction.

A cell's case is which of its corners are inside and, on each face whose corners alternate, whether the inside corners
join. Both cells at a face take the same decision from its four corner values (the asymptotic decider), so their
surfaces meet. Inside a cell, the segments on its faces close to loops, and loops are cut into triangles.

Lorensen and Cline 1987; Nielson and Hamann 1991, "The asymptotic decider".
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Int

CORNERS = np.array(list(np.ndindex(2, 2, 2)))
"""Offsets of a cell's corners; corner 4 x + 2 y + z."""
EDGES = [(axis, corner) for axis in range(3) for corner in range(8) if CORNERS[corner][axis] == 0]
"""Axis and lower corner of a cell's edges."""
CENTER = len(EDGES)
"""Stands for the mean of a loop's vertices; at most one loop of a cell needs it."""


def _cycle(axis: int, side: int) -> list[int]:
    """A face's corners, counter-clockwise seen from outside the cell."""
    u, v = np.eye(3, dtype=int)[[(axis + 1) % 3, (axis + 2) % 3]]
    corners = [side * np.eye(3, dtype=int)[axis] + p * u + q * v for p, q in ((0, 0), (1, 0), (1, 1), (0, 1))]
    numbers = [int(c @ [4, 2, 1]) for c in corners]
    return numbers if side == 1 else numbers[::-1]


FACES = [_cycle(axis, side) for axis in range(3) for side in (0, 1)]
"""The four corners of each face, around it."""
_EDGE_OF = {frozenset((c, c + (4, 2, 1)[axis])): e for e, (axis, c) in enumerate(EDGES)}
_FACES_OF = [{f for f, cycle in enumerate(FACES) if {c, c + (4, 2, 1)[axis]} <= set(cycle)} for axis, c in EDGES]
_MIDDLE = np.array([CORNERS[c] + 0.5 * np.eye(3)[axis] for axis, c in EDGES])


@dataclass(frozen=True)
class Cases:
    """Case `code + 256 * joined`: bit c of `code` says that corner c is inside, bit f of `joined` that face f joins."""

    ambiguous: Bool[np.ndarray, "256 6"]
    """Faces whose corners alternate; the `joined` bits of the others are 0."""
    first: Int[np.ndarray, "16384"]
    count: Int[np.ndarray, "16384"]
    """A case's triangles are rows first to first + count of `edges`."""
    edges: Int[np.ndarray, "triangles 3"]


@cache
def all_cases() -> Cases:
    """The table, derived once per process."""
    ambiguous = np.zeros((256, 6), bool)
    first, count = np.zeros(256 * 64, np.int64), np.zeros(256 * 64, np.int64)
    rows: list[tuple[int, int, int]] = []
    for code in range(256):
        inside = [bool(code >> c & 1) for c in range(8)]
        for f, cycle in enumerate(FACES):
            a, b, c, d = (inside[corner] for corner in cycle)
            ambiguous[code, f] = a == c and b == d and a != b
        for joined in range(64):
            if any(joined >> f & 1 and not ambiguous[code, f] for f in range(6)):
                continue
            triangles = [t for loop in _loops(inside, joined) for t in _triangles(loop)]
            first[code + 256 * joined], count[code + 256 * joined] = len(rows), len(triangles)
            rows += triangles
    return Cases(ambiguous, first, count, np.array(rows))


def _loops(inside: list[bool], joined: int) -> list[list[int]]:
    """The surface's border on the cell's faces as loops of edges, outward surface to their left."""
    after: dict[int, int] = {}
    for f, cycle in enumerate(FACES):
        sides = [(cycle[i], cycle[(i + 1) % 4]) for i in range(4)]
        entering = [_EDGE_OF[frozenset(s)] for s in sides if not inside[s[0]] and inside[s[1]]]
        leaving = [_EDGE_OF[frozenset(s)] for s in sides if inside[s[0]] and not inside[s[1]]]
        if len(entering) == 2 and inside[cycle[0]] != bool(joined >> f & 1):
            leaving.reverse()
        after.update(zip(entering, leaving, strict=True))
    loops = []
    while after:
        loop = [next(iter(after))]
        while (edge := after.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        loops.append(loop)
    return loops


def _triangles(loop: list[int]) -> list[tuple[int, int, int]]:
    """The shortest cut of a loop whose diagonals stay off the cell's faces, where they could meet the next cell's.

    Where every cut has such a diagonal (8 edges and more), the loop is a fan around its `CENTER`, the third corner.
    """

    def price(i: int, j: int) -> float:
        if j - i in (1, len(loop) - 1):
            return 0.0
        if _FACES_OF[loop[i]] & _FACES_OF[loop[j]]:
            return np.inf
        return float(np.linalg.norm(_MIDDLE[loop[i]] - _MIDDLE[loop[j]]))

    @cache
    def best(i: int, j: int) -> tuple[float, tuple[tuple[int, int, int], ...]]:
        if j - i < 2:
            return 0.0, ()
        options = []
        for k in range(i + 1, j):
            (low, left), (high, right) = best(i, k), best(k, j)
            options.append((low + high + price(i, j), (*left, (loop[i], loop[k], loop[j]), *right)))
        return min(options)

    length, triangles = best(0, len(loop) - 1)
    if np.isinf(length):
        return [(edge, loop[(i + 1) % len(loop)], CENTER) for i, edge in enumerate(loop)]
    return list(triangles)
