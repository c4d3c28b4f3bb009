"""How Hydra is given a command line that is not the process's own."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PLAIN = re.compile(r"[A-Za-z_/.][\w/.:@-]*")
"""Words that mean themselves to Hydra, but for CONSTANTS."""
CONSTANTS = ("null", "true", "false", "nan", "inf")


def quoted(text: str) -> str:
    """A value that Hydra takes as it is, whatever characters it has."""
    if PLAIN.fullmatch(text) and text.lower() not in CONSTANTS:
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


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
