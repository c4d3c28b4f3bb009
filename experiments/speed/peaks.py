"""Peak rates of a GPU: copy, random gather, random atomics, small matrix chains."""

import statistics
from collections.abc import Callable

import torch
import triton
import triton.language as tl


@triton.jit
def _row(i, n, mask):
    """A random row for thread i and round n (a multiplicative hash)."""
    h = (i * 8 + n) * -1640531535
    h ^= (h >> 15) & 0x1FFFF
    return (h * 805459861) & mask


@triton.jit
def gather(table, out, mask, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros([BLOCK], tl.int64)
    for n in tl.static_range(8):
        total += tl.load(table + _row(i, n, mask))
    tl.store(out + i, total)


@triton.jit
def add(table, mask, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    for n in tl.static_range(8):
        to = table + (_row(i, n, mask) * 2)[:, None] + tl.arange(0, 2)[None, :]
        tl.atomic_add(to, tl.full([BLOCK, 2], 1.0, tl.float32), sem="relaxed")


def graph_time(work: Callable[[], object], *, repeats: int = 30, generator: torch.Generator | None = None) -> float:
    """Median milliseconds of a CUDA graph of `work`; `generator`: where it draws random numbers from."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    if generator is not None:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        work()
    return event_time(graph.replay, repeats=repeats)


def event_time(work: Callable[[], object], *, repeats: int = 30) -> float:
    """Median milliseconds of `work` as it is."""
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def measure() -> dict[str, float]:
    """Rates by name; rows of 8 bytes, counts in 10^9 per second."""
    device = torch.device("cuda")
    source = torch.empty(2**28, device=device).normal_()
    target = torch.empty_like(source)
    rates = {"copy, TB/s read and written": 2 * source.nbytes / graph_time(lambda: target.copy_(source)) / 1e9}
    del source, target
    threads = 2**22
    out = torch.empty(threads, dtype=torch.int64, device=device)
    for log2 in (15, 17, 19):
        table = torch.zeros(2**log2, 2, device=device)
        mask, grid = 2**log2 - 1, (threads // 128,)
        seconds = graph_time(lambda t=table, m=mask, g=grid: gather[g](t.view(torch.int64), out, m, BLOCK=128)) / 1e3
        rates[f"random gather from 2^{log2} rows, 10^9 rows/s"] = 8e-9 * threads / seconds
        seconds = graph_time(lambda t=table, m=mask, g=grid: add[g](t, m, BLOCK=128)) / 1e3
        rates[f"random atomics on 2^{log2} rows, 10^9 rows/s"] = 8e-9 * threads / seconds
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(2**18, 32, device=device, dtype=dtype)
        weights = [torch.randn(a, b, device=device, dtype=dtype) / 8 for a, b in ((32, 64), (64, 64), (64, 16))]
        milliseconds = graph_time(lambda x=x, w=weights: x @ w[0] @ w[1] @ w[2])
        name = "tf32" if dtype == torch.float32 else "bf16"
        rates[f"{name} matrix chain 32-64-64-16 at 2^18 points, ms"] = milliseconds
    return rates
