"""The whole step as one CUDA graph trains like the step launched kernel by kernel."""

from pathlib import Path

import pytest
import torch
from sphere_scene import sphere_scene
from sphere_training import fit_of, sdf_error_cm, train

from o2recon.train import read_checkpoint
from o2recon.train.replay import Replay
from o2recon.workspace import ObjectFolder

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module", autouse=True)
def _needs_cuda() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


def test_a_replayed_step_draws_what_its_seed_says_and_sees_tensors_change() -> None:
    generator, scale = torch.Generator("cuda"), torch.ones((), device="cuda")
    found = torch.zeros(3, device="cuda")

    def step() -> None:
        found.copy_(scale * torch.rand(3, generator=generator, device="cuda"))

    replay = Replay(step, generator=generator, graph=True)
    for seed in (1, 2, 3, 2):
        scale.fill_(seed)
        generator.manual_seed(seed)
        replay()
        expected = seed * torch.rand(3, generator=torch.Generator("cuda").manual_seed(seed), device="cuda")
        assert torch.allclose(found, expected)
    assert replay.graph is not None


def test_one_graph_a_stage_trains_as_well_as_single_kernels(folder: ObjectFolder, tmp_path: Path) -> None:
    """The fine levels come on during training, so that the graph is captured twice."""
    errors, losses = [], []
    for graph in (True, False):
        fit = fit_of(60, warm=5, device="cuda")
        fit.cuda_graph = graph
        module = train(folder, tmp_path / str(graph), fit)
        assert (module.replay.graph is not None) == graph
        errors.append(sdf_error_cm(module.field.cpu()))
        losses.append(module.block_means["train/loss/total"])
    assert abs(errors[0] - errors[1]) < 0.2 and max(errors) < 2
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


def test_a_run_goes_on_on_the_other_device(folder: ObjectFolder, tmp_path: Path) -> None:
    for first, second in (("cpu", "cuda"), ("cuda", "cpu")):
        out = tmp_path / first
        train(folder, out, fit_of(8, device=first))
        path = out / "checkpoints/last.ckpt"
        checkpoint = read_checkpoint(path)
        checkpoint["o2recon"]["num_steps"] = 16
        torch.save(checkpoint, path)
        module = train(folder, out, fit_of(16, device=second))
        assert module.step == 16
        assert module.block_means["train/loss/total"] < 10
