"""The derived table: what every case leaves open on a face is what the cell behind that face closes."""

from collections import defaultdict

import numpy as np

from o2recon.mesh.cases import CENTER, CORNERS, EDGES, FACES, all_cases

MIDDLES = [tuple(CORNERS[corner] + 0.5 * np.eye(3)[axis]) for axis, corner in EDGES]


def triangles(code: int, joined: int) -> np.ndarray:
    cases = all_cases()
    case = code + 256 * joined
    return cases.edges[cases.first[case] : cases.first[case] + cases.count[case]]


def every_case() -> list[tuple[int, int]]:
    ambiguous = all_cases().ambiguous
    return [(c, j) for c in range(256) for j in range(64) if all(ambiguous[c, f] for f in range(6) if j >> f & 1)]


def borders(code: int, joined: int) -> list[tuple[int, int]]:
    """Sides of triangles that no other triangle of the cell has, directed."""
    sides = [(int(t[i]), int(t[(i + 1) % 3])) for t in triangles(code, joined) for i in range(3)]
    assert len(set(sides)) == len(sides)
    return [(a, b) for a, b in sides if (b, a) not in sides]


def test_two_cells_leave_the_same_segments_on_their_face_in_opposite_directions():
    seen = defaultdict(set)
    for code, joined in every_case():
        open_sides = borders(code, joined)
        for f, corners in enumerate(FACES):
            axis, upper = divmod(f, 2)
            others = [a for a in range(3) if a != axis]
            inside = frozenset(tuple(CORNERS[c][others]) for c in corners if code >> c & 1)
            on_face = [(MIDDLES[a], MIDDLES[b]) for a, b in open_sides if MIDDLES[a][axis] == MIDDLES[b][axis] == upper]
            flat = [(tuple(a[o] for o in others), tuple(b[o] for o in others)) for a, b in on_face]
            seen[axis, inside, joined >> f & 1].add(frozenset(flat if upper else [(b, a) for a, b in flat]))
    assert len(seen) == 3 * (16 + 2)
    assert all(len(segments) == 1 for segments in seen.values())


def test_all_borders_lie_on_faces_and_nothing_else_does():
    for code, joined in every_case():
        open_sides = set(borders(code, joined))
        assert all(CENTER not in side for side in open_sides)
        for t in triangles(code, joined):
            for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0])):
                if CENTER not in (a, b):
                    shares_face = any(p == q and p in (0, 1) for p, q in zip(MIDDLES[a], MIDDLES[b], strict=True))
                    assert shares_face == ((int(a), int(b)) in open_sides)


def test_every_crossed_edge_of_a_cell_is_used_and_no_other():
    for code, joined in every_case():
        crossed = {e for e, (axis, c) in enumerate(EDGES) if (code >> c & 1) != (code >> int(c + [4, 2, 1][axis]) & 1)}
        assert set(triangles(code, joined).ravel().tolist()) - {CENTER} == crossed
