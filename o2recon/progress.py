"""One progress bar for everything long: description, share done, elapsed and remaining time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")
Result = TypeVar("Result")


def track(items: Iterable[Item], *, description: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items` under a progress bar on stderr, when that is a terminal; `total` when `items` has no length."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total, description=description)


def side_by_side(
    function: Callable[[Item], Result], items: Sequence[Item], *, description: str | None = None
) -> list[Result]:
    """`function` of every item, on threads, in the items' order; with a `description` under a progress bar.

    For image work on single views, which spends its time in libraries that release the interpreter's lock.
    """
    with ThreadPoolExecutor() as pool:
        results = pool.map(function, items)
        return list(results if description is None else track(results, description=description, total=len(items)))
