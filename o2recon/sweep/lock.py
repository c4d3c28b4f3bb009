"""Who works on a folder: advisory locks that the system releases when their process ends, however it ends."""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
logger = logging.getLogger(__name__)


class Busy(RuntimeError):
    """Another process holds the lock."""


@contextmanager
def exclusive(folder: Path, *, wait: bool) -> Iterator[None]:
    """Nobody else reads or writes `folder` meanwhile. Busy when somebody does and `wait` is false."""
    with _locked(folder, exclusive=True, wait=wait):
        yield


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Nobody writes `folder` meanwhile; waits for a writer to end."""
    with _locked(folder, exclusive=False, wait=True):
        yield


def is_held(folder: Path) -> bool:
    """Whether a living process of this or (where the file system tells) another machine works on `folder`."""
    file = folder / LOCK
    if not file.is_file() or fcntl is None:
        return False
    with open(file) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(folder: Path, *, exclusive: bool, wait: bool) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        logger.warning("this system has no file locks: do not start the same run twice")
        yield
        return
    with open(folder / LOCK, "a+") as handle:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read() or "another process"
            if not wait:
                raise Busy(f"{folder} is being worked on by {holder}") from None
            logger.info("waiting for %s to finish with %s", holder, folder)
            fcntl.flock(handle, kind)
        if exclusive:
            handle.seek(0)
            handle.truncate()
            handle.write(
                json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": time.strftime("%F %T")})
            )
            handle.flush()
        yield
