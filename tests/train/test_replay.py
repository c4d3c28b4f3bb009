"""What a capture that fails leaves behind; that graphs work is tested where there is a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from o2recon.train.replay import Replay


@pytest.mark.skipif(torch.cuda.is_available(), reason="tests/reliability/test_gpu.py does it in earnest")
def test_a_capture_that_fails_leaves_the_current_stream_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own context does not, where the end of the capture raises."""
    current: list[Any] = ["the default stream"]

    @contextmanager
    def graph(_: Any, *, stream: Any, capture_error_mode: str) -> Iterator[None]:
        current[0] = stream
        yield

    stream = object.__new__(torch.cuda.Stream)
    stream.device = torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", type("Graph", (), {"register_generator_state": lambda *_: None}))
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: current[0])
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: current.__setitem__(0, stream))

    def step() -> None:
        assert current[0] is stream
        raise RuntimeError("CUDA out of memory")

    replay = Replay(step, generator=torch.Generator(), graph=True)
    with pytest.raises(RuntimeError, match="out of memory"):
        replay._captured(stream)
    assert current == ["the default stream"]
