"""Compiled loops over a balanced binary tree of boxes in space: how it is made, and nearest points found with it.

The tree is implicit: node n has the children 2n + 1 and 2n + 2, the last level holds the leaves, and leaf k holds the
items order[edge(k)] ... order[edge(k + 1) - 1] with edge(k) = k * items // leaves. Kernels release the GIL, so that a
thread pool runs them side by side. `no_type_check` keeps the tests' type checker from wrapping what numba compiles.
"""

from typing import no_type_check

import numba
import numpy as np

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")
STACK = 128


@_compiled
@no_type_check
def _select(rows, order, axis, first, last, k):
    """Quickselect: reorders rows[first:last] (and `order` alike) so that those before k are not above row k."""
    low, high = first, last - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = rows[low, axis], rows[middle, axis], rows[high, axis]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while rows[i, axis] < pivot:
                i += 1
            while rows[j, axis] > pivot:
                j -= 1
            if i <= j:
                for d in range(3):
                    swap = rows[i, d]
                    rows[i, d] = rows[j, d]
                    rows[j, d] = swap
                item = order[i]
                order[i] = order[j]
                order[j] = item
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return


@_compiled
@no_type_check
def arrange(rows, order, leaves, first_leaf, last_leaf, stop):
    """Median splits along the widest side for leaves [first_leaf, last_leaf), down to groups of `stop` leaves."""
    items = len(rows)
    stack = np.empty((STACK, 2), np.int64)
    stack[0, 0], stack[0, 1] = first_leaf, last_leaf
    size = 1
    while size > 0:
        size -= 1
        a, b = stack[size, 0], stack[size, 1]
        if b - a <= stop:
            continue
        first, last = a * items // leaves, b * items // leaves
        widest, axis = -1.0, 0
        for d in range(3):
            low, high = np.inf, -np.inf
            for i in range(first, last):
                low, high = min(low, rows[i, d]), max(high, rows[i, d])
            if high - low > widest:
                widest, axis = high - low, d
        middle = (a + b) // 2
        if widest > 0:
            _select(rows, order, axis, first, last, middle * items // leaves)
        stack[size, 0], stack[size, 1] = a, middle
        stack[size + 1, 0], stack[size + 1, 1] = middle, b
        size += 2


@_compiled
@no_type_check
def bound(low, high, order, leaves, boxes):
    """Fills boxes (nodes, 6: lowest xyz, highest xyz) with the tight boxes of items that reach from low to high."""
    items = len(order)
    for leaf in range(leaves):
        node = leaves - 1 + leaf
        boxes[node, :3], boxes[node, 3:] = np.inf, -np.inf
        for i in range(leaf * items // leaves, (leaf + 1) * items // leaves):
            item = order[i]
            for d in range(3):
                boxes[node, d] = min(boxes[node, d], low[item, d])
                boxes[node, 3 + d] = max(boxes[node, 3 + d], high[item, d])
    for node in range(leaves - 2, -1, -1):
        for d in range(3):
            boxes[node, d] = min(boxes[2 * node + 1, d], boxes[2 * node + 2, d])
            boxes[node, 3 + d] = max(boxes[2 * node + 1, 3 + d], boxes[2 * node + 2, 3 + d])


@_compiled
@no_type_check
def _box_distance(boxes, node, x, y, z):
    """Squared distance of a point to a box, 0 inside it."""
    dx = max(max(boxes[node, 0] - x, x - boxes[node, 3]), 0.0)
    dy = max(max(boxes[node, 1] - y, y - boxes[node, 4]), 0.0)
    dz = max(max(boxes[node, 2] - z, z - boxes[node, 5]), 0.0)
    return dx * dx + dy * dy + dz * dz


@_compiled
@no_type_check
def nearest_points(rows, boxes, leaves, queries, first, last, squared, found):
    """For queries[first:last]: squared distance to the nearest of `rows` (points in tree order) and its row.

    Each query begins with the distance to what the one before it found: queries in the order of their own tree lie
    side by side, so most of the tree is ruled out at once.
    """
    items = len(rows)
    stack = np.empty(STACK, np.int64)
    reach = np.empty(STACK, np.float64)
    best_row = 0
    for q in range(first, last):
        x, y, z = queries[q, 0], queries[q, 1], queries[q, 2]
        dx, dy, dz = rows[best_row, 0] - x, rows[best_row, 1] - y, rows[best_row, 2] - z
        best = dx * dx + dy * dy + dz * dz
        stack[0], reach[0] = 0, 0.0
        size = 1
        while size > 0:
            size -= 1
            if reach[size] >= best:
                continue
            node = stack[size]
            while node < leaves - 1:
                near, far = 2 * node + 1, 2 * node + 2
                to_near, to_far = _box_distance(boxes, near, x, y, z), _box_distance(boxes, far, x, y, z)
                if to_far < to_near:
                    near, far, to_near, to_far = far, near, to_far, to_near
                if to_far < best:
                    stack[size], reach[size] = far, to_far
                    size += 1
                if to_near >= best:
                    break
                node = near
            else:
                leaf = node - leaves + 1
                for i in range(leaf * items // leaves, (leaf + 1) * items // leaves):
                    dx, dy, dz = rows[i, 0] - x, rows[i, 1] - y, rows[i, 2] - z
                    d = dx * dx + dy * dy + dz * dz
                    if d < best:
                        best, best_row = d, i
        squared[q], found[q] = best, best_row
