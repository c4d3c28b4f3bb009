"""The stage `doctor`: what this machine has, and what each missing thing would enable."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from o2recon.cli.bug_report import bug_report
from o2recon.cli.build import build
from o2recon.cli.job import Job
from o2recon.cli.options import nested
from o2recon.manifest import package_version
from o2recon.models import download, find_weights, hub_cache, inpainting_pipelines

OPTIONAL = {
    "numba": ("faster training on the CPU", "pip install numba"),
    "triton": ("fused hash-grid kernels on a GPU", "comes with torch on Linux"),
    "tinycudann": ("another hash-grid backend on a GPU", "build tiny-cuda-nn"),
    "diffusers": ("in-painting by diffusion", "pip install 'o2recon[diffusion]'"),
    "xatlas": ("textured meshes (export)", "pip install 'o2recon[export]'"),
    "coacd": ("convex parts for simulators (export)", "pip install 'o2recon[export]'"),
    "fast_simplification": ("meshes with fewer faces (export)", "pip install 'o2recon[export]'"),
    "wandb": ("logging to Weights & Biases (logger=wandb)", "pip install 'o2recon[wandb]'"),
    "tensorboard": ("curves and pictures in TensorBoard (logger=tensorboard)", "pip install 'o2recon[tensorboard]'"),
    "viser": ("the web page of a study (view)", "pip install 'o2recon[web]'"),
    "starlette": ("painting hidden parts (annotate), with uvicorn", "pip install 'o2recon[web]'"),
    "hydra_plugins.hydra_ray_launcher": ("sweeps with Ray", "pip install 'o2recon[ray]'"),
    "hydra_plugins.hydra_submitit_launcher": ("sweeps with Slurm", "pip install 'o2recon[slurm]'"),
}
"""Module -> what it enables and how to get it."""
SCENE_NETWORKS = {
    "depth=network": "depth/model/depth_anything.yaml",
    "depth=marigold": "depth/model/marigold.yaml",
    "instances=sam": "instances/sam.yaml",
}
"""Choice -> the file that describes its network."""


def run(job: Job) -> None:
    """Print what was found, one line each; for a bug report more of it, with the home folder written as ~."""
    if not job.config.doctor.report:
        print(*_found(job), sep="\n")
        return
    for line in (*_found(job), *bug_report(job)):
        print(line.replace(str(Path.home()), "~"))


def _found(job: Job) -> Iterator[str]:
    import torch

    yield f"o2recon {package_version()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield f"torch {torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()} cores"
    yield _memory()
    for device in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(device)
        yield f"GPU {device}: {facts.name}, {facts.total_memory / 2**30:.0f} GiB"
    if not torch.cuda.is_available():
        yield "no GPU: everything runs on the CPU, a few minutes an object"
    for module, (enables, remedy) in OPTIONAL.items():
        yield _line(module, enables, remedy)
    yield from (*_networks(job), *_scene_networks(job), *_cue_networks(job), *_semantic_network(job))
    for name in ("work", "outputs"):
        folder = Path(job.config[name]).absolute()
        existing = next(p for p in (folder, *folder.parents) if p.is_dir())
        yield f"{name}: {folder}, {shutil.disk_usage(existing).free / 2**30:.0f} GiB free"


def _networks(job: Job) -> Iterator[str]:
    """In-painting networks on disk, and whether the one that would be used is among them."""
    cached = list(inpainting_pipelines())
    for found in cached:
        yield f"in-painting network {found.model}: {found.num_bytes / 1e9:.1f} GB in {found.folder}"
    painter = job.plain("inpaint")["painter"] or {}
    pipeline = painter.get("diffusion", painter).get("pipeline")
    if pipeline is None:
        return
    model, revision = pipeline["model"], pipeline["revision"]
    folder = find_weights(model, revision)
    if folder is None:
        yield f"in-painting network {model}: not in {hub_cache()} ({download(model, revision)}, or choose another)"
    elif folder not in [found.folder for found in cached]:
        yield f"in-painting network {model}: {folder}"


def _scene_networks(job: Job) -> Iterator[str]:
    """The networks that a scan's depth and object ids can come from: what is on disk, or what to do about it."""
    for choice, file in SCENE_NETWORKS.items():
        content = OmegaConf.to_container(OmegaConf.create((files("o2recon.conf") / file).read_text(encoding="utf-8")))
        assert isinstance(content, dict)
        own = content.get("network", content)
        chosen = job.plain(choice.partition("=")[0]).get("network")
        same = chosen is not None and chosen["_target_"] == own["_target_"]
        network = build(OmegaConf.create(chosen if same else own))
        yield f"{choice}: {network.obstacle or network.identity}"


def _cue_networks(job: Job) -> Iterator[str]:
    """The networks that cues can be computed with: what is on disk, or what to do about it."""
    for group, choices in nested().items():
        parent, kind = group.split("/")
        if parent != "cues":
            continue
        chosen = _network(job.plain("cues").get(kind))
        for choice in choices:
            file = files("o2recon.conf") / parent / kind / f"{choice}.yaml"
            own = _network(OmegaConf.to_container(OmegaConf.create(file.read_text())))
            if own is not None:
                same = chosen is not None and chosen["_target_"] == own["_target_"]
                network = build(OmegaConf.create(chosen if same else own))
                yield f"{group}={choice}: {network.obstacle or network.identity}"


def _semantic_network(job: Job) -> Iterator[str]:
    """The network of the semantic loss: what is on disk, or what to do about it."""
    clip = OmegaConf.create((files("o2recon.conf") / "semantic/clip.yaml").read_text(encoding="utf-8"))
    network = build((job.config.semantic or clip).encoder)
    yield f"semantic: {network.obstacle or network.identity}"


def _network(config: Any) -> dict[str, Any] | None:
    """The network's part of a cue's config, when it has one."""
    return dict(config["maps"]["network"]) if config and "network" in config.get("maps", {}) else None


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "memory: unknown"
    return f"memory: {size / 2**30:.0f} GiB"


def _line(module: str, enables: str, remedy: str) -> str:
    name = module.rpartition(".")[2]
    if not _is_there(module):
        return f"{name}: missing; it would enable {enables} ({remedy})"
    try:
        return f"{name} {version(name)}: {enables}"
    except PackageNotFoundError:
        return f"{name}: {enables}"


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
