"""SIGTERM, by which Slurm and others announce the end: unwind, say so in one line, and be gone within ten seconds."""

import os
import signal
import threading
import time
from types import FrameType

from o2recon.cli.child import GRACE_S, TERMINATED

LINE = "terminated; the same command continues from where it was"


class Terminated(BaseException):
    """The process got SIGTERM. No failure of an object: nothing that records failures catches it."""


def end_on_sigterm() -> None:
    """From now on SIGTERM raises Terminated in the main thread, which calls this.

    In a training Lightning's handler stands in front: it ends with its block, and saves. What has not ended within
    GRACE_S, because it waits for threads or computes outside of Python, is cut short: every file is written atomically.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_cut_short, args=(reader,), daemon=True).start()
    signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGTERM) is _raise:
        raise Terminated


def _cut_short(reader: int) -> None:
    """Told of signals even while the main thread computes outside of Python."""
    while os.read(reader, 1) != bytes([signal.SIGTERM]):
        pass
    time.sleep(GRACE_S)
    os.write(2, f"o2recon: {LINE}\n".encode())
    os._exit(TERMINATED)
