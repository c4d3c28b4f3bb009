"""How much of the time that diffusion takes in the in-painting stage is not the network's?

    python network_share.py WORK/ROOM/objects/OBJECT SCAN [SIZE]

In-paints a prepared object (`o2recon prepare`) again, into a copy, with a randomly initialised network of Stable
Diffusion 2's size (SIZE=sd2, the default; needs a GPU) or a tiny one (SIZE=tiny). The weights are noise: only times
mean anything.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_module

from o2recon.cli.build import build
from o2recon.inpaint import Inpaint
from o2recon.models import InpaintingPipeline
from o2recon.workspace import ObjectFolder

WIDTHS = {
    "sd2": ((320, 640, 1280, 1280), (128, 256, 512, 512), 1024, 23),
    "tiny": ((8, 16, 16, 16), (8, 8, 8, 8), 16, 1),
}
"""Channels of the U-Net and of the autoencoder, text width, text layers."""


def save_network(folder: Path, size: str) -> None:
    """Random weights in the architecture of Stable Diffusion 2's in-painter."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    channels, encoder_channels, text_width, text_layers = WIDTHS[size]
    groups = 32 if size == "sd2" else 4
    tokenizer = save_tokenizer(folder / "letters")
    text = CLIPTextConfig(
        vocab_size=49408 if size == "sd2" else len(tokenizer),
        hidden_size=text_width,
        intermediate_size=4 * text_width,
        num_hidden_layers=text_layers,
        num_attention_heads=16 if size == "sd2" else 2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=64,
        in_channels=9,
        block_out_channels=channels,
        cross_attention_dim=text_width,
        attention_head_dim=[5, 10, 20, 20] if size == "sd2" else 2,
        use_linear_projection=True,
        norm_num_groups=groups,
    )
    autoencoder = AutoencoderKL(
        block_out_channels=encoder_channels,
        norm_num_groups=groups,
        layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=512,
    )
    pipeline = StableDiffusionInpaintPipeline(
        vae=autoencoder,
        unet=unet,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    for part in (unet, autoencoder, pipeline.text_encoder):
        part.half() if size == "sd2" else part.float()
    pipeline.save_pretrained(folder)
    print(f"{size}: {sum(p.numel() for p in unet.parameters()) / 1e6:.0f} million weights in the U-Net")


def save_tokenizer(folder: Path) -> Any:
    """CLIP's, spelling letter by letter."""
    import string

    from transformers import CLIPTokenizer

    folder.mkdir(parents=True)
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*letters, *(c + "</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


class Timed(InpaintingPipeline):
    """Counts pictures and seconds of the network alone, and of loading it."""

    seconds = loading = 0.0
    pictures = 0

    def load(self, device: str) -> None:
        start = time.perf_counter()
        super().load(device)
        _wait()
        self.loading += time.perf_counter() - start

    def __call__(
        self,
        images: Sequence[np.ndarray],
        masks: Sequence[np.ndarray],
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        strength: float,
    ) -> list[np.ndarray]:
        _wait()
        start = time.perf_counter()
        made = super().__call__(images, masks, prompts, seeds, strength=strength)
        _wait()
        self.seconds += time.perf_counter() - start
        self.pictures += len(made)
        return made


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def stage_with(network: Path, scan: Path, size: str) -> tuple[Inpaint, Any, Timed]:
    """The stage `inpaint=diffusion` with the timed network, and the scan."""
    overrides = ["stage=prepare", "inpaint=diffusion", f"scene.root={scan}"]
    overrides += [f"inpaint.painter.pipeline.model={network}"]
    if size == "tiny":
        overrides += ["inpaint.painter.size=64", "inpaint.painter.pipeline.num_steps=3"]
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        config = compose("config", overrides=overrides)
    stage = build(config.inpaint)
    keys = ("model", "revision", "download", "safetensors", "dtype", "offload", "num_steps", "guidance_scale")
    options = {k: getattr(stage.painter.pipeline, k) for k in (*keys, "negative_prompt")}
    stage.painter.pipeline = Timed(**options)
    return stage, build(config.scene), stage.painter.pipeline


def main() -> None:
    prepared, scan, size = Path(sys.argv[1]), Path(sys.argv[2]), (sys.argv[3:] or ["sd2"])[0]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as temporary:
        network, copy = Path(temporary) / "network", Path(temporary) / "object"
        save_network(network, size)
        shutil.copytree(prepared, copy, ignore=shutil.ignore_patterns("inpainted"))
        stage, scene, timed = stage_with(network, scan, size)
        for run in ("first", "again, from the cache"):
            timed.seconds, timed.loading, timed.pictures = 0.0, 0.0, 0
            start = time.perf_counter()
            notes = stage.on(device, seed=0)(scene, ObjectFolder(copy))
            total = time.perf_counter() - start
            ours = total - timed.seconds - timed.loading
            share = 100 * ours / max(timed.seconds, 1e-9)
            print(
                f"{run}: {total:.1f} s; network {timed.seconds:.1f} s for {timed.pictures} pictures, loading"
                f" {timed.loading:.1f} s, ours {ours:.1f} s ({share:.1f} % of the network's); {notes}"
            )


if __name__ == "__main__":
    main()
