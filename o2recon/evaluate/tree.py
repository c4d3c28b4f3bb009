"""A balanced tree of boxes over points or triangles, on all cores: the home of exact nearest neighbours."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from o2recon.evaluate import tree_kernels as kernels

LEAF_SIZE = 12
"""Items per leaf at most: of 4, 6, 8, 12, 24 the fastest on samples of furniture and balls."""
_BLOCK = 4096
"""Queries per task; fixed, so that which of several equally near points is found does not depend on the machine."""


@dataclass(frozen=True)
class Tree:
    """Boxes around ever smaller groups of items. `rows`: the items' centres in tree order; `order`: their indices."""

    rows: Float[np.ndarray, "items 3"]
    order: Int[np.ndarray, "items"]
    boxes: Float[np.ndarray, "nodes 6"]
    leaves: int


def on_all_cores(tasks: Iterable[Callable[[], object]]) -> None:
    """Run compiled, GIL-free tasks side by side."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(cores) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def build_tree(low: Float[np.ndarray, "items 3"], high: Float[np.ndarray, "items 3"] | None = None) -> Tree:
    """The tree of boxes from `low` to `high`, or of the points `low`. ValueError when there are none or not finite."""
    low = np.ascontiguousarray(low, dtype=np.float64)
    high = low if high is None else np.ascontiguousarray(high, dtype=np.float64)
    if len(low) == 0:
        raise ValueError("0 points: at least one is needed")
    rows = low.copy() if high is low else (low + high) / 2
    if not np.isfinite(rows.sum()):
        raise ValueError("points that are not finite have no neighbours: the mesh is damaged")
    leaves = 1 << max(0, int(np.ceil(np.log2(len(rows) / LEAF_SIZE))))
    order = np.arange(len(rows))
    groups = min(8, leaves)
    size = leaves // groups
    kernels.arrange(rows, order, leaves, 0, leaves, size)
    tasks = [partial(kernels.arrange, rows, order, leaves, k * size, (k + 1) * size, 1) for k in range(groups)]
    on_all_cores(tasks)
    boxes = np.empty((2 * leaves - 1, 6))
    kernels.bound(low, high, order, leaves, boxes)
    return Tree(rows, order, boxes, leaves)


def build_trees(*points: Float[np.ndarray, "_items 3"]) -> list[Tree]:
    """Trees of several point sets, built side by side."""
    with ThreadPoolExecutor(len(points)) as pool:
        return list(pool.map(build_tree, points))


def nearest_in(tree: Tree, queries: Tree) -> tuple[Float[np.ndarray, "queries"], Int[np.ndarray, "queries"]]:
    """Distance of every item of `queries` to the nearest one of `tree`, and that one's index; in the items' order."""
    count = len(queries.rows)
    squared, found = np.empty(count), np.empty(count, np.int64)
    arguments = (tree.rows, tree.boxes, tree.leaves, queries.rows)
    on_all_cores(
        partial(kernels.nearest_points, *arguments, k, min(k + _BLOCK, count), squared, found)
        for k in range(0, count, _BLOCK)
    )
    distance, index = np.empty(count), np.empty(count, np.int64)
    distance[queries.order], index[queries.order] = np.sqrt(squared), tree.order[found]
    return distance, index
