"""Two GPUs train one object as one does, with all that they tell each other inside the CUDA graph."""

from pathlib import Path

import pytest
import torch
from sphere_scene import sphere_scene
from sphere_training import fit_of, sdf_error_cm, train

from o2recon.train import Ddp
from o2recon.workspace import ObjectFolder

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


@pytest.mark.parametrize(
    "ddp",
    [
        Ddp(devices=2, backend="nccl", timeout_s=120),
        Ddp(devices=[0, 0], backend="gloo", timeout_s=120),  # one GPU is enough here; launched kernel by kernel
    ],
    ids=["nccl", "gloo"],
)
@pytest.mark.parametrize("graph", [True, False])
def test_two_processes_train_as_well_as_one(folder: ObjectFolder, tmp_path: Path, ddp: Ddp, graph: bool) -> None:
    """The fine levels come on during training, so that the graph is captured twice."""
    one, both = fit_of(60, warm=5, device="cuda"), fit_of(60, warm=5, device="cuda")
    both.cuda_graph = graph
    modules = [train(folder, tmp_path / "one", one), train(folder, tmp_path / "two", both, ddp=ddp)]
    errors = [sdf_error_cm(module.field.cpu()) for module in modules]
    assert abs(errors[0] - errors[1]) < 0.2 and max(errors) < 2
    losses = [module.block_means["train/loss/total"] for module in modules]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    assert not torch.distributed.is_initialized()
