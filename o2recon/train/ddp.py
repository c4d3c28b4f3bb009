"""One object on several devices of this machine: a process for each, started here and ended with the first one."""

import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from o2recon.train.peers import Peers

log = logging.getLogger(__name__)
BACKENDS = ("auto", "nccl", "gloo")
READY = "ready"
Join = Callable[[], AbstractContextManager[None]]
LAST_WORDS_S, END_S = 1.0, 20.0
"""How long the reason of another process's failure, and its end, are waited for."""


class Ddp:
    """Divides the rays of every step among processes and averages their gradients (synchronous data parallelism).

    `devices`: how many processes, on the CPU or one a GPU; on GPUs also a list of their numbers, or auto for all of
    them. `backend`: nccl, gloo, or auto for nccl on GPUs. `timeout_s` is how long a process waits for the others: the
    first one does the warm start alone.
    """

    def __init__(self, *, devices: int | str | Sequence[int], backend: str, timeout_s: int) -> None:
        if backend not in BACKENDS:
            raise ValueError(f"trainer.backend={backend}: must be one of {', '.join(BACKENDS)}")
        self.devices, self.backend, self.timeout_s = devices, backend, timeout_s

    def places(self, device: torch.device) -> list[torch.device]:
        """The device of each process, on the kind of `device`. ValueError for what this machine does not have."""
        asked = self.devices
        if device.type == "cpu":
            if not isinstance(asked, int) or asked < 1:
                raise ValueError(f"trainer.devices={asked}: on the CPU give the number of processes, 2 for example")
            return [device] * asked
        there = torch.cuda.device_count()
        if isinstance(asked, str):
            asked = there if asked == "auto" else []
        numbers = list(range(asked)) if isinstance(asked, int) else list(asked)
        if not numbers or min(numbers) < 0 or max(numbers) >= there:
            raise ValueError(
                f"trainer.devices={self.devices}: torch sees {there} GPUs here; give auto, how many, or their numbers"
            )
        if len(set(numbers)) < len(numbers) and self._backend(device) == "nccl":
            raise ValueError(f"trainer.devices={numbers}: NCCL takes a GPU once; trainer.backend=gloo takes it twice")
        return [torch.device("cuda", n) for n in numbers]

    def _backend(self, device: torch.device) -> str:
        if self.backend == "nccl" and device.type == "cpu":
            raise ValueError("trainer.backend=nccl needs GPUs: give gloo or auto")
        return self.backend if self.backend != "auto" else "nccl" if device.type == "cuda" else "gloo"

    @contextmanager
    def processes(self, device: torch.device, others: Callable[[Peers, Join], Any]) -> Iterator[tuple[Peers, Join]]:
        """Start the others, which call `others` and end; inside, this process is the first of all.

        What they have to say to each other, all of them say within `with join():`; before it they load what they need.
        `others` is copied to them by pickle. RuntimeError with the reason when one of them fails.
        """
        places, backend = self.places(device), self._backend(device)
        size = len(places)
        log.info("one object on %d processes (%s): %s", size, backend, ", ".join(map(str, places)))
        with tempfile.TemporaryDirectory() as folder, _threads(size if device.type == "cpu" else 1):
            store = (Path(folder) / "store").as_uri()
            peers = [Peers(place, rank, size, backend) for rank, place in enumerate(places)]
            crew = _Crew([(one, store, self.timeout_s, others) for one in peers[1:]])

            @contextmanager
            def join() -> Iterator[None]:
                crew.await_all(self.timeout_s)
                with joined(peers[0], store, self.timeout_s):
                    try:
                        yield
                    except Exception as error:
                        crew.explain(error)
                        raise

            try:
                yield peers[0], join
                crew.join()
            finally:
                crew.end()


class _Crew:
    """The processes after the first."""

    def __init__(self, tasks: Sequence[tuple[Peers, str, int, Callable[[Peers, Join], Any]]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.processes: list[SpawnProcess] = []
        self.reasons: list[Connection] = []
        for peers, store, timeout_s, work in tasks:
            receiver, sender = context.Pipe(duplex=False)
            task = pickle.dumps((peers, store, timeout_s, work))  # tensors by value: torch would share their memory
            process = context.Process(target=_other, args=(task, sender), daemon=True)
            process.start()
            sender.close()
            self.processes.append(process)
            self.reasons.append(receiver)
        self.ends = False
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """NCCL waits for a process that is gone until its timeout: end that waiting."""
        left: dict[Any, SpawnProcess] = {process.sentinel: process for process in self.processes}
        while left and not self.ends:
            for sentinel in wait(list(left), timeout=1.0):
                process = left.pop(sentinel)
                if process.exitcode and not self.ends and dist.is_initialized() and dist.get_backend() == "nccl":
                    dist.distributed_c10d._abort_process_group()

    def await_all(self, timeout_s: int) -> None:
        """Return when all are ready to talk. RuntimeError when one of them fails before."""
        for number, reasons in enumerate(self.reasons):
            if not reasons.poll(timeout_s):
                raise RuntimeError(f"{self._name(number)} was not ready within {timeout_s} s (trainer.timeout_s)")
            said = self._said(number)
            if said != READY:
                raise RuntimeError(f"{self._name(number)} failed: {said}")

    def explain(self, error: Exception) -> None:
        """RuntimeError when `error` only says that another process is gone."""
        wait(self.reasons, timeout=LAST_WORDS_S)
        for number, reasons in enumerate(self.reasons):
            said = self._said(number) if reasons.poll() else None
            if said is not None and said != _reason(error):
                raise RuntimeError(f"{self._name(number)} failed: {said}") from error

    def _name(self, number: int) -> str:
        return f"process {number + 2} of {len(self.processes) + 1}"

    def _said(self, number: int) -> str | None:
        """What a process says next, or how it ended when it says no more."""
        try:
            return str(self.reasons[number].recv())
        except EOFError:
            self.processes[number].join(LAST_WORDS_S)
            return _end(self.processes[number].exitcode or 0)

    def join(self) -> None:
        for process in self.processes:
            process.join(END_S)

    def end(self) -> None:
        self.ends = True
        for process in self.processes:
            if process.is_alive():
                process.kill()
            process.join()


def _other(task: bytes, reasons: Connection) -> None:
    """The life of every process but the first."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])  # the first one decides
    try:
        peers, store, timeout_s, work = pickle.loads(task)

        @contextmanager
        def join() -> Iterator[None]:
            reasons.send(READY)
            with joined(peers, store, timeout_s):
                yield

        with _threads(peers.size if peers.device.type == "cpu" else 1):
            work(peers, join)
    except Exception as error:  # told to the first one
        reasons.send(_reason(error))
        os._exit(1)


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _end(status: int) -> str | None:
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it ended with exit status {status}" if status else None


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def joined(peers: Peers, store: str, timeout_s: int) -> Iterator[None]:
    """Inside, this process can talk to the others. `store`: URI of a file that all of them see."""
    if peers.device.type == "cuda":
        torch.cuda.set_device(peers.device)
    dist.init_process_group(
        peers.backend,
        init_method=store,
        rank=peers.rank,
        world_size=peers.size,
        timeout=timedelta(seconds=timeout_s),
        device_id=peers.device if peers.backend == "nccl" else None,
    )
    try:
        yield
    except BaseException:
        if peers.backend == "nccl":  # the others may be gone: leave without a word
            dist.distributed_c10d._abort_process_group()
        else:
            dist.destroy_process_group()
        raise
    if peers.backend == "nccl":
        torch.cuda.synchronize(peers.device)
    dist.destroy_process_group()


@contextmanager
def _threads(processes: int) -> Iterator[None]:
    """Divide the CPU's threads among so many processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(before // processes, 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)
