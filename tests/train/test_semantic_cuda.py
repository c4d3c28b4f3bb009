"""Semantic steps as a CUDA graph of their own, between the graphs of ordinary steps."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_module
from sphere_scene import sphere_scene
from sphere_training import fit_of, sdf_error_cm, train
from tiny_clip import save_clip

from o2recon.cli.build import build
from o2recon.workspace import write_image

pytestmark = pytest.mark.gpu


def test_one_graph_learns_as_single_kernels_do(tmp_path: Path) -> None:
    assert torch.cuda.is_available(), "this test needs a GPU"
    pytest.importorskip("transformers")
    scene = sphere_scene(size=40)
    folder, network = scene.write(tmp_path / "work" / "1"), save_clip(tmp_path / "network")
    for view in scene.views:
        write_image(folder.image("images", view.index), view.color)
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        overrides = [
            "stage=run",
            "semantic=clip",
            f"semantic.encoder.model={network}",
            "semantic.encoder.dtype=float32",
        ]
        config = compose("config", overrides=overrides).semantic
    means, errors = [], []
    for graph in (True, False):
        fit = fit_of(80, warm=5, device="cuda")
        fit.cuda_graph = graph
        module = train(folder, tmp_path / str(graph), fit, semantic=build(config))
        assert (module.semantic_replay.graph is not None) == graph
        means.append(module.block_means["train/loss/semantic"])
        errors.append(sdf_error_cm(module.field.cpu()))
    assert means[0] == pytest.approx(means[1], rel=0.05) and max(errors) < 2
