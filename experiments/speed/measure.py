"""Measures training on this GPU in one run: peak rates, whole steps by backend, a step's kernels, seconds to accuracy.

usage: python measure.py OUT [--points 16 18] [--rows 15 17 19] [--ways WAY ...] [--no-peaks]
                             [--train TRUTH OBJECT ...]

Writes OUT/rates.csv, steps.csv and stages.csv; with `--train` also train.py's runs.csv and curves.csv of prepared
objects with experiment=fast; and at the end, by plot.py, OUT/speed.md and speed.svg.
"""

import argparse
import copy
import csv
import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import peaks
import plot
import step as steps
import torch

WAYS = {
    "torch grid": ("torch", "eager", "ieee"),
    "tiny-cuda-nn": ("tinycudann", "eager", "tf32"),
    "eager, float32": ("triton", "eager", "ieee"),
    "eager, tf32": ("triton", "eager", "tf32"),
    "compiled, tf32": ("triton", "compile", "tf32"),
    "compiled, bf16": ("triton", "compile", "bf16"),
    "fused, highest": ("triton", "triton", "tf32x3"),
    "fused, high": ("triton", "triton", "tf32x3 tf32"),
    "fused, tf32": ("triton", "triton", "tf32"),
    "fused, bf16": ("triton", "triton", "bf16"),
}
"""Name -> grid backend, networks, precision. The grid is ours in Triton where the name does not say another."""
HERE = Path(__file__).parent


STAGES = {
    "contract_back": "its product (back)",
    "contract": "contraction (normals)",
    "scatter": "scatter of both orders",
    "gather": "gather: features and their Jacobian",
    "sdf_forward": "SDF network, forward",
    "sdf_backward": "SDF network, backward",
    "color_forward": "colour network, forward",
    "color_backward": "colour network, backward",
    "FusedOpti": "Adam (fused, of PyTorch)",
    "FillFunctor": "zeros for the gradient",
}
"""Part of a kernel's name -> stage; the first that fits."""


def whole_step(way: str, log2_points: int, log2_rows: int) -> dict[str, object]:
    """Milliseconds of one step in a CUDA graph and launched one by one, without and with optimiser; memory."""
    backend, networks, precision = WAYS[way]
    row: dict[str, object] = {"way": way, "log2_points": log2_points, "log2_rows": log2_rows}
    if backend == "tinycudann" and find_spec("tinycudann") is None:
        return row | {"note": "not present"}
    torch.manual_seed(0)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()  # graphs of earlier ways
    chain = steps.Chain(log2_rows=log2_rows, backend=backend).cuda()
    data = steps.Data(2**log2_points)
    loss = steps.forward(chain, data, networks=networks, precision=precision)
    if backend == "triton":
        row["graph_ms"] = peaks.graph_time(steps.step(chain, loss, optimise=False))
        row["graph_with_adam_ms"] = peaks.graph_time(steps.step(chain, loss, optimise=True))
    row["launched_with_adam_ms"] = peaks.event_time(steps.step(chain, loss, optimise=True), repeats=10)
    row["peak_gb"] = (torch.cuda.max_memory_allocated() - before) / 1e9
    return row


def kernels(way: str, log2_points: int, log2_rows: int, repeats: int = 5) -> dict[str, float]:
    """Milliseconds a step by kernel name, from the profiler."""
    backend, networks, precision = WAYS[way]
    chain = steps.Chain(log2_rows=log2_rows, backend=backend).cuda()
    loss = steps.forward(chain, steps.Data(2**log2_points), networks=networks, precision=precision)
    run = steps.step(chain, loss, optimise=True)
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        for _ in range(repeats):
            run()
        torch.cuda.synchronize()
    stages: dict[str, float] = {}
    for event in profile.key_averages():
        stage = next((name for part, name in STAGES.items() if part in event.key), "losses and glue (torch.compile)")
        stages[stage] = stages.get(stage, 0.0) + event.self_device_time_total / 1e3 / repeats
    return dict(sorted(stages.items(), key=lambda item: -item[1]))


def normal_errors(log2_points: int = 14, num_steps: int = 200) -> dict[str, float]:
    """Relative L2 error of the normals after some training, by the SDF network's precision, against float64."""
    torch.manual_seed(0)
    chain, data = steps.Chain(log2_rows=17, backend="triton").cuda(), steps.Data(2**log2_points)
    run = steps.step(chain, steps.forward(chain, data, networks="triton", precision="tf32x3"), optimise=True)
    for _ in range(num_steps):
        run()
    exact = copy.deepcopy(chain).double()
    exact.grid.backend = "torch"
    errors = {}
    with torch.no_grad():
        encoded = exact.grid.encode(data.points.double())
        expected = encoded.contract(exact.sdf.with_gradient(encoded.features)[1])
        for precision in ("tf32x3", "tf32", "bf16"):
            encoded = chain.grid.encode(data.points)
            found = encoded.contract(steps.fused_sdf(chain, encoded.features, precision)[1])
            errors[precision] = float((found - expected).norm() / expected.norm())
    return errors


def write(path: Path, rows: list[dict]) -> None:
    """With the date, the device and PyTorch's version in front."""
    now = {"date": datetime.now(UTC).date().isoformat(), "device": torch.cuda.get_device_name()}
    now["torch"] = torch.__version__
    rows = [{**now, **{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}} for row in rows]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    print(path.read_text(), flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--points", type=int, nargs="+", default=[16, 18, 20])
    parser.add_argument("--rows", type=int, nargs="+", default=[15, 17, 19])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--profile", nargs="*", default=["fused, tf32"], choices=list(WAYS))
    parser.add_argument("--no-peaks", action="store_true")
    parser.add_argument("--train", nargs="+", default=[])
    return parser.parse_args()


def main() -> None:
    given = options()
    given.out.mkdir(parents=True, exist_ok=True)
    sizes = [(points, rows) for points in given.points for rows in given.rows]
    if not given.no_peaks:
        rates = peaks.measure() | {f"error of normals, {k}": v for k, v in normal_errors().items()}
        write(given.out / "rates.csv", [{"rate": name, "value": rate} for name, rate in rates.items()])
    measured = []
    for way in given.ways:
        for points, rows in sizes:
            measured.append(whole_step(way, points, rows))
            torch.cuda.empty_cache()
        write(given.out / "steps.csv", measured)
    stages = []
    for way in given.profile:
        for points, rows in sizes:
            size = {"way": way, "log2_points": points, "log2_rows": rows}
            stages += [{**size, "stage": name, "ms": time} for name, time in kernels(way, points, rows).items()]
        write(given.out / "stages.csv", stages)
    if given.train:
        script, truth, *objects = HERE / "train.py", *given.train
        command = [sys.executable, script, HERE / "levers.yaml", given.out, truth, *objects, "--only", "as_is"]
        subprocess.run(command, check=True)
    plot.write(given.out)


if __name__ == "__main__":
    main()
