"""How Hydra is given a command line that is not the process's own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def command_line(argv: list[str]) -> Iterator[None]:
    """Hydra reads `sys.argv` and, told so, leaves errors to us."""
    before, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = argv, "1"
    try:
        yield
    finally:
        sys.argv = before
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error
