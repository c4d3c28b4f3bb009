"""Compiled loops that count crossing pairs of triangles over the tree of `tree_kernels`, which see for conventions."""

from typing import no_type_check

import numba
import numpy as np

from o2recon.evaluate.tree_kernels import STACK

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@_compiled
@no_type_check
def _distances(triangle, point, normal, tolerance, out):
    """Fills `out` with the corners' signed distances to a plane, 0 within tolerance; gives the signs' sum and zeros."""
    signs, zeros = 0, 0
    for k in range(3):
        d = 0.0
        for i in range(3):
            d += normal[i] * (triangle[k, i] - point[i])
        if abs(d) <= tolerance:
            out[k] = 0.0
            zeros += 1
        else:
            out[k] = d
            signs += 1 if d > 0 else -1
    return signs, zeros


@_compiled
@no_type_check
def _interval(triangle, distance, direction):
    """From where to where along `direction` a triangle meets the plane that its corners have these distances to."""
    low, high = np.inf, -np.inf
    for k in range(3):
        j = (k + 1) % 3
        a = direction[0] * triangle[k, 0] + direction[1] * triangle[k, 1] + direction[2] * triangle[k, 2]
        if distance[k] == 0:
            low, high = min(low, a), max(high, a)
        if distance[k] * distance[j] < 0:
            b = direction[0] * triangle[j, 0] + direction[1] * triangle[j, 1] + direction[2] * triangle[j, 2]
            t = a + (b - a) * distance[k] / (distance[k] - distance[j])
            low, high = min(low, t), max(high, t)
    return low, high


@_compiled
@no_type_check
def _overlap_in_plane(a, b, normal, tolerance):
    """Whether two triangles of one plane share an area: no edge of either separates them."""
    axis = np.empty(3)
    for side in range(6):
        triangle, k = (a, side) if side < 3 else (b, side - 3)
        j = (k + 1) % 3
        length = 0.0
        for i in range(3):
            m, n = (i + 1) % 3, (i + 2) % 3
            axis[i] = normal[m] * (triangle[j, n] - triangle[k, n]) - normal[n] * (triangle[j, m] - triangle[k, m])
            length += axis[i] * axis[i]
        low_a, high_a, low_b, high_b = np.inf, -np.inf, np.inf, -np.inf
        for c in range(3):
            u = axis[0] * a[c, 0] + axis[1] * a[c, 1] + axis[2] * a[c, 2]
            v = axis[0] * b[c, 0] + axis[1] * b[c, 1] + axis[2] * b[c, 2]
            low_a, high_a, low_b, high_b = min(low_a, u), max(high_a, u), min(low_b, v), max(high_b, v)
        if min(high_a, high_b) - max(low_a, low_b) <= tolerance * np.sqrt(length):
            return False
    return True


@_compiled
@no_type_check
def _cross(a, b, normal_a, normal_b, tolerance, to_a, to_b):
    """Whether triangles a and b cross along a segment longer than `tolerance` or overlap in a common plane."""
    signs, zeros = _distances(a, b[0], normal_b, tolerance, to_b)
    if zeros == 3:
        return _overlap_in_plane(a, b, normal_b, tolerance)
    if abs(signs) == 3 - zeros:
        return False
    signs, zeros = _distances(b, a[0], normal_a, tolerance, to_a)
    if abs(signs) == 3 - zeros:
        return False
    line = np.cross(normal_a, normal_b)
    length = np.sqrt(line[0] * line[0] + line[1] * line[1] + line[2] * line[2])
    if length == 0:
        return False
    line /= length
    low_a, high_a = _interval(a, to_b, line)
    low_b, high_b = _interval(b, to_a, line)
    return min(high_a, high_b) - max(low_a, low_b) > tolerance


@_compiled
@no_type_check
def count_crossings(boxes, leaves, low, high, triangles, normals, names, tolerance, first, last, found, slot):
    """found[slot] = crossing pairs of one of triangles[first:last] with a later one. Arrays are in tree order.

    `names`: the corners' identities; triangles that share one are neighbours and left out.
    """
    items = len(triangles)
    stack = np.empty(STACK, np.int64)
    to_a, to_b = np.empty(3), np.empty(3)
    count = 0
    for q in range(first, last):
        stack[0] = 0
        size = 1
        while size > 0:
            size -= 1
            node = stack[size]
            apart = False
            for d in range(3):
                apart = apart or boxes[node, d] > high[q, d] or boxes[node, 3 + d] < low[q, d]
            if apart:
                continue
            if node < leaves - 1:
                stack[size], stack[size + 1] = 2 * node + 1, 2 * node + 2
                size += 2
                continue
            leaf = node - leaves + 1
            for i in range(max(q + 1, leaf * items // leaves), (leaf + 1) * items // leaves):
                apart = False
                for d in range(3):
                    apart = apart or low[i, d] > high[q, d] or high[i, d] < low[q, d]
                    for e in range(3):
                        apart = apart or names[i, d] == names[q, e]
                if not apart and _cross(triangles[q], triangles[i], normals[q], normals[i], tolerance, to_a, to_b):
                    count += 1
    found[slot] = count
