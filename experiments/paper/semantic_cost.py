"""What a step of the semantic loss costs, in ordinary steps: the CLIP is as large as ViT-B/32 and knows nothing.

usage: python semantic_cost.py [--object FOLDER] [--size N,...] [--only NAME,...] [--out FILE.csv] [override ...]

FOLDER: a prepared object; without it the sphere of the tests is written and trained on. Each row trains a few blocks
as `o2recon train` does, then times single steps of both kinds (medians, by CUDA events on a GPU): the whole semantic
step, its rendering with its backward, and CLIP with its own backward. `over` is the cost of all semantic steps (every
5th) in per cent of the ordinary ones. `--size`: pixels a side of the rendered crop. Needs transformers; a CPU only
shows that it runs.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from o2recon.cli.build import build
from o2recon.train import Reconstruction, build_field
from o2recon.train.replay import Replay
from o2recon.workspace import ObjectFolder, write_image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from sphere_scene import sphere_scene
from tiny_clip import save_clip

VARIANTS = {
    "fast": ["experiment=fast"],
    "fast_eager": ["experiment=fast", "train.cuda_graph=false"],
    "o2recon": ["experiment=o2recon"],
}
COLUMNS = ("variant", "device", "crop_px", "dtype", "step_ms", "semantic_ms", "render_ms", "clip_ms", "ratio", "over")


def sphere(folder: Path) -> ObjectFolder:
    """The tests' sphere in 480 x 480 pictures."""
    scene = sphere_scene(size=480)
    written = scene.write(folder)
    for view in scene.views:
        write_image(written.image("images", view.index), view.color)
    return written


def milliseconds(call: Callable[[], Any], *, before: Callable[[], Any]) -> float:
    """Median; `before` runs outside the clock."""
    times = []
    for _ in range(40 if torch.cuda.is_available() else 3):
        before()
        if not torch.cuda.is_available():
            began = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - began))
            continue
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[len(times) // 2]


def timed(module: Reconstruction) -> dict[str, float | int]:
    """Both kinds of step at the end of a training, and the two parts of the semantic one."""
    novel = module.semantic
    assert novel is not None
    size = novel.size

    def rendering() -> None:
        color, normal = novel.render(module.field, novel.draw(module.semantic_generator), module.semantic_generator)
        module.adam.zero_grad(set_to_none=True)
        (color.mean() + normal.mean()).backward()

    shown = torch.rand(2, 3, size, size, device=module.device, requires_grad=True)

    def seeing() -> None:
        seen = novel.semantic.loss(*shown, encoder=novel.semantic.encoder.images, target=novel.target)
        shown.grad = None
        seen.backward()

    def replayed(step: Callable[[], None]) -> float:
        replay = Replay(step, generator=module.semantic_generator, graph=module.graph)
        replay(), replay()
        return milliseconds(replay, before=lambda: None)

    ordinary = milliseconds(module.replay, before=module.row.zero_)
    semantic = milliseconds(module.semantic_replay, before=lambda: None)
    return {
        "crop_px": size,
        "step_ms": ordinary,
        "semantic_ms": semantic,
        "render_ms": replayed(rendering),
        "clip_ms": replayed(seeing),
        "ratio": semantic / ordinary,
        "over": 100 * semantic / ordinary / novel.semantic.every,
    }


def measured(config: DictConfig, folder: ObjectFolder, out: Path) -> dict[str, float | int]:
    """Train a few blocks of `config`, all of them in the last stage and with the semantic loss, and time the steps."""
    found: dict[str, float | int] = {}

    class Timed(Reconstruction):
        def on_train_end(self) -> None:
            found.update(timed(self))

    plain: Any = OmegaConf.to_container(config.field, resolve=True)
    trainer = build(config.train)
    with _replaced(Timed):
        trainer(
            folder,
            out,
            data=build(config.data),
            field=build_field(plain, seed=0),
            renderer=build(config.render),
            losses=build(config.loss),
            seed=0,
            semantic=build(config.semantic),
            config={"field": plain},
            resume=False,
        )
    return found


class _replaced:
    """Fit trains with another class of Reconstruction meanwhile."""

    def __init__(self, other: type[Reconstruction]) -> None:
        self.other = other

    def __enter__(self) -> None:
        from o2recon.train import fit

        fit.Reconstruction = self.other  # type: ignore[misc]

    def __exit__(self, *_: object) -> None:
        from o2recon.train import fit

        fit.Reconstruction = Reconstruction  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--object", type=Path)
    parser.add_argument("--size", type=lambda text: [int(x) for x in text.split(",")], default=[64, 96])
    parser.add_argument("--only", type=lambda text: text.split(","), default=[*VARIANTS])
    parser.add_argument("--out", type=Path)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        network = save_clip(Path(scratch) / "clip", base=True)
        folder = ObjectFolder(given.object) if given.object else sphere(Path(scratch) / "work" / "1")
        for name in VARIANTS:
            for size in given.size if name in given.only else []:
                fixed = [f"semantic.encoder.model={network}", f"semantic.max_size={size}", "semantic.downscale=0.1"]
                short = ["train.num_steps=100", "train.steps_per_block=20", "train.validate_every=10000"]
                last = ["train.stages.coarse_share=0.0", "train.stages.fade_share=0.0"]
                with initialize_config_module("o2recon.conf", version_base="1.3"):
                    choice = ["stage=train", *VARIANTS[name], "semantic=clip"]
                    config = compose("config", overrides=[*choice, *fixed, *short, *last, *given.overrides])
                found = measured(config, folder, Path(scratch) / "out")
                rows.append({"variant": name, "device": device, "dtype": config.semantic.encoder.dtype, **found})
                print({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    if given.out:
        with open(given.out, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


if __name__ == "__main__":
    main()
