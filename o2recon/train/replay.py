"""A step as one CUDA graph: the GPU gets it whole, instead of one of some thousand small kernels after the other."""

import warnings
from collections.abc import Callable, Sequence

import torch


class Replay:
    """Calls `step`; on a GPU, and with `graph`, captured once and then replayed.

    Such a step has fixed shapes, waits for nothing, keeps what differs from call to call in tensors (learning rates,
    stages) and draws from `generator` and `others`, which may be seeded between calls. The first call, and the first
    after `forget`, is launched kernel by kernel: kernels are compiled and the optimiser makes its state. On the CPU
    every call is.
    """

    def __init__(
        self,
        step: Callable[[], None],
        *,
        generator: torch.Generator,
        graph: bool,
        others: Sequence[torch.Generator] = (),
    ) -> None:
        self.step, self.generators = step, (generator, *others)
        self.stream = torch.cuda.Stream(generator.device) if graph and generator.device.type == "cuda" else None
        self.forget()

    def forget(self) -> None:
        """What the step is made of changes: the next call captures it anew."""
        self.graph: torch.cuda.CUDAGraph | None = None
        self.is_warm = False

    def __call__(self) -> None:
        if self.stream is None:
            self.step()
        elif self.is_warm:
            if self.graph is None:
                self.graph = self._captured(self.stream)
            self.graph.replay()
        else:
            self._launched(self.stream)
            self.is_warm = True

    def _launched(self, stream: torch.cuda.Stream) -> None:
        current = torch.cuda.current_stream(stream.device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream), warnings.catch_warnings():
            # torch 2.11: a capturable optimiser remarks that it is not being captured; it will be
            warnings.filterwarnings("ignore", ".*capturable=True")
            self.step()
        current.wait_stream(stream)

    def _captured(self, stream: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(stream.device)
        for generator in self.generators:
            graph.register_generator_state(generator)
        with warnings.catch_warnings():
            # said where memory ends before the first kernel; that is raised
            warnings.filterwarnings("ignore", ".*CUDA Graph is empty")
            try:
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    self.step()
            finally:  # torch 2.11: where the end of a capture fails, its stream stays the current one
                torch.cuda.set_stream(current)
        return graph
