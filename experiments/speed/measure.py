"""Measures a training step on this GPU: peak rates, whole steps, the kernels of a step. Writes JSON and prints tables.

usage: python measure.py [--out FILE] [--points 16 18] [--rows 15 17 19] [--ways WAY ...] [--no-peaks]
"""

import argparse
import copy
import json
from pathlib import Path

import peaks
import step as steps
import torch

WAYS = {
    "torch grid, eager": ("torch", "eager", "ieee"),
    "eager ieee": ("triton", "eager", "ieee"),
    "eager tf32": ("triton", "eager", "tf32"),
    "compile tf32": ("triton", "compile", "tf32"),
    "compile bf16": ("triton", "compile", "bf16"),
    "triton tf32": ("triton", "triton", "tf32"),
    "triton tf32x3": ("triton", "triton", "tf32x3"),
    "triton tf32x3, colour tf32": ("triton", "triton", "tf32x3 tf32"),
    "triton bf16": ("triton", "triton", "bf16"),
}
"""Name -> grid backend, networks, precision."""


STAGES = {
    "contract_back": "contraction, back",
    "contract": "contraction",
    "scatter": "scatter",
    "gather": "gather",
    "sdf_forward": "SDF network",
    "sdf_backward": "SDF network, back",
    "color_forward": "colour network",
    "color_backward": "colour network, back",
    "FusedOpti": "Adam",
    "FillFunctor": "zeros",
}
"""Part of a kernel's name -> stage; the first that fits."""


def whole_step(way: str, log2_points: int, log2_rows: int) -> dict[str, object]:
    """Milliseconds of one step in a CUDA graph and launched one by one, without and with optimiser; memory."""
    torch.manual_seed(0)
    torch.cuda.reset_peak_memory_stats()
    backend, networks, precision = WAYS[way]
    chain = steps.Chain(log2_rows=log2_rows, backend=backend).cuda()
    data = steps.Data(2**log2_points)
    loss = steps.forward(chain, data, networks=networks, precision=precision)
    row: dict[str, object] = {"way": way, "log2_points": log2_points, "log2_rows": log2_rows}
    if backend == "triton":
        row["graph_ms"] = peaks.graph_time(steps.step(chain, loss, optimise=False))
        row["graph_with_adam_ms"] = peaks.graph_time(steps.step(chain, loss, optimise=True))
    row["launched_with_adam_ms"] = peaks.event_time(steps.step(chain, loss, optimise=True), repeats=10)
    row["loss"] = float(loss().detach())
    row["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
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
        stage = next((name for part, name in STAGES.items() if part in event.key), "rest")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("speed.json"))
    parser.add_argument("--points", type=int, nargs="+", default=[16, 18, 20])
    parser.add_argument("--rows", type=int, nargs="+", default=[15, 17, 19])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--profile", nargs="*", default=["triton bf16"], choices=list(WAYS))
    parser.add_argument("--no-peaks", action="store_true")
    options = parser.parse_args()
    result: dict = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "steps": [], "kernels": {}}
    result["peaks"] = {} if options.no_peaks else peaks.measure()
    for name, rate in result["peaks"].items():
        print(f"{rate:10.3f}  {name}", flush=True)
    for way in options.ways:
        for points in options.points:
            for rows in options.rows:
                row = whole_step(way, points, rows)
                result["steps"].append(row)
                print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
                torch.cuda.empty_cache()
    for way in options.profile:
        result["kernels"][way] = []
        for points in options.points:
            for rows in options.rows:
                stages = kernels(way, points, rows)
                result["kernels"][way].append({"log2_points": points, "log2_rows": rows} | stages)
                print(way, points, rows, {k: round(v, 3) for k, v in stages.items()}, flush=True)
    if not options.no_peaks:
        result["normal_errors"] = normal_errors()
        print("relative error of the normals:", result["normal_errors"])
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
