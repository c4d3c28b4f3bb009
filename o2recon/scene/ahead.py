"""Reading ahead: other threads decode the next frames while one is used. Decoders leave Python's lock free."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST_THREADS = 16
"""More only hold more frames in memory: whoever uses them is slower than this many threads decode."""


def read_ahead(
    read: Callable[[Key], Value], keys: Iterable[Key], *, threads: int | None = None
) -> Iterator[tuple[Key, Callable[[], Value]]]:
    """(key, result) in order; `result()` is `read(key)`'s value or raises what it raised.

    At most one value per thread is ready or in work beyond the one that is used. `threads`: default, one per core that
    this process may use. Leaving the loop early drops what was read ahead.
    """
    threads = threads or min(num_cores(), MOST_THREADS)
    with ThreadPoolExecutor(threads, thread_name_prefix="read") as pool:
        waiting: deque[tuple[Key, Future[Value]]] = deque()
        try:
            for key in keys:
                waiting.append((key, pool.submit(read, key)))
                if len(waiting) > threads:
                    key, future = waiting.popleft()
                    yield key, future.result
            while waiting:
                key, future = waiting.popleft()
                yield key, future.result
        finally:
            for _, future in waiting:
                future.cancel()


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
