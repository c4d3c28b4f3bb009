"""The paper's schedule as it ships: stages, rates, and what changes with the step."""

from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf
from sphere_scene import sphere_scene
from sphere_training import sdf_error_cm

from o2recon.cli.build import build
from o2recon.train import Reconstruction, build_field
from o2recon.workspace import ObjectFolder

SMALL = ("data.num_rays=96", "render.num_uniform_samples=24", "render.num_importance_samples=16",
         "train.log_every=10", "train.steps_per_block=10", "train.optimizer.warm_up_steps=5",
         "train.optimizer.learning_rates.networks=2e-3")  # fmt: skip


@cache
def config_of(*overrides: str) -> DictConfig:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        return compose("config", overrides=["stage=run", "experiment=o2recon", "device=cpu", *overrides])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


def train(folder: ObjectFolder, out: Path, *overrides: str) -> Reconstruction:
    """On the CPU unless an override says otherwise."""
    config = config_of(*SMALL, *overrides)
    field = build_field(OmegaConf.to_container(config.field, resolve=True), seed=0)  # type: ignore[arg-type]
    module: Reconstruction = build(config.train)(
        folder,
        out,
        data=build(config.data),
        field=field,
        renderer=build(config.render),
        losses=build(config.loss),
        seed=0,
        resume=False,
    )
    return module


def test_the_second_stage_starts_at_step_20010() -> None:
    config = config_of()
    fit, field = build(config.train), build(config.field)
    for step, is_on in ((0, False), (20_009, False), (20_010, True), (50_009, True)):
        fit.stages.apply(field, step, fit.num_steps)
        assert field.fine_is_on == is_on and float(field.gate) == float(field.direction_gate) == float(is_on)


def test_the_rate_warms_up_and_falls_to_a_twentieth() -> None:
    config = config_of()
    adam, steps = build(config.train).optimizer, config.train.num_steps
    assert set(adam.learning_rates.values()) == {2e-4}
    assert adam.share(2_499, steps) == 0.5 and adam.share(5_000, steps) == 1.0
    assert adam.share(27_505, steps) == pytest.approx(0.525) and adam.share(50_010, steps) == pytest.approx(0.05)


def test_it_starts_from_the_sphere_and_finds_the_object_from_rays_alone(folder: ObjectFolder, tmp_path: Path) -> None:
    module = train(folder, tmp_path, "train.num_steps=60", "train.validate_every=60")
    before = build_field(OmegaConf.to_container(config_of().field, resolve=True), seed=0)  # type: ignore[arg-type]
    assert sdf_error_cm(before) > 5 and sdf_error_cm(module.field) < 2.5
    assert module.validation["val/silhouette_iou"] > 0.7


def test_renderer_and_normal_term_know_the_step(folder: ObjectFolder, tmp_path: Path) -> None:
    changes = ("render.cos_anneal_steps=40", "loss.normal.loss.num_steps=40")
    module = train(folder, tmp_path, "train.num_steps=20", "train.validate_every=20", *changes)
    assert [type(part).__name__ for part in module.scheduled] == ["NeusRenderer", "Ramped"]
    assert all(torch.equal(part._tensor, torch.tensor(19 / 40)) for part in module.scheduled)


@pytest.mark.gpu
def test_one_graph_a_stage_trains_as_well_as_single_kernels(folder: ObjectFolder, tmp_path: Path) -> None:
    assert torch.cuda.is_available(), "this test needs a GPU"
    steps = ("device=cuda", "train.num_steps=60", "train.validate_every=60", "train.stages.coarse_share=0.5")
    modules = [train(folder, tmp_path / graph, *steps, f"train.cuda_graph={graph}") for graph in ("true", "false")]
    assert [module.replay.graph is not None for module in modules] == [True, False]
    errors = [sdf_error_cm(module.field.cpu()) for module in modules]
    assert abs(errors[0] - errors[1]) < 0.5 and max(errors) < 3
