"""Too little memory, and devices that fail: what training tries before it gives an object up."""

from pathlib import Path
from typing import Any

import pytest
import torch
from sphere_scene import sphere_scene
from sphere_training import fit_of, losses, train

from o2recon.train import Reconstruction, read_checkpoint
from o2recon.train.validation import HeldOut
from o2recon.workspace import ObjectFolder

ILLEGAL = "CUDA error: an illegal memory access was encountered"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    return sphere_scene(size=40).write(tmp_path_factory.mktemp("work") / "1")


class Costly:
    """A loss that memory suffices for up to `most` rays, from its call `first` on; it remembers how many came."""

    def __init__(self, error: BaseException, *, most: int, first: int = 0, times: int = 10**9) -> None:
        self.error, self.most, self.first, self.times = error, most, first, times
        self.seen: list[int] = []

    def __call__(self, output: Any, rays: Any, points: Any) -> torch.Tensor:
        self.seen.append(len(rays.view))
        if self.seen[-1] > self.most and len(self.seen) > self.first and self.times > 0:
            self.times -= 1
            raise self.error
        return output.sdf.mean() * 0


def trained(folder: ObjectFolder, out: Path, costly: Costly, num_steps: int = 16) -> Reconstruction:
    terms = {**losses(), "costly": {"weight": 1.0, "loss": costly}}
    return train(folder, out, fit_of(num_steps, warm=1), losses=terms)


def test_too_many_rays_are_halved_until_they_fit_and_it_is_said(
    folder: ObjectFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    costly = Costly(error, most=40)
    module = trained(folder, tmp_path, costly, 8)
    assert costly.seen == [128, 64] + 8 * [32]
    assert module.step == 8 and module.data.sample_share == 0.25
    assert read_checkpoint(tmp_path / "checkpoints/last.ckpt")["o2recon"]["sample_share"] == 0.25
    told = [r.getMessage() for r in caplog.records if "memory is short" in r.getMessage()]
    assert len(told) == 2 and "with 0.25 of the rays and points" in told[1]


def test_it_goes_on_from_the_last_checkpoint(folder: ObjectFolder, tmp_path: Path) -> None:
    costly = Costly(torch.OutOfMemoryError("CUDA out of memory"), most=100, first=9)
    trained(folder, tmp_path, costly, 12)
    assert costly.seen == 10 * [128] + 4 * [64]  # the checkpoint of step 8


def test_a_run_that_is_started_again_keeps_the_lower_share(folder: ObjectFolder, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    trained(folder, tmp_path, Costly(torch.OutOfMemoryError("CUDA out of memory"), most=100), 12)
    (tmp_path / "checkpoints/last.ckpt").unlink()
    (tmp_path / "checkpoints/previous.ckpt").rename(tmp_path / "checkpoints/last.ckpt")
    costly = Costly(Killed(), most=10**9)
    assert trained(folder, tmp_path, costly, 12).data.sample_share == 0.5
    assert costly.seen == 4 * [64]


def test_it_is_given_up_below_an_eighth(folder: ObjectFolder, tmp_path: Path) -> None:
    costly = Costly(torch.OutOfMemoryError("CUDA out of memory"), most=0)
    with pytest.raises(torch.OutOfMemoryError):
        trained(folder, tmp_path, costly)
    assert costly.seen == [128, 64, 32, 16]


@pytest.mark.parametrize(("times", "fails"), [(1, False), (2, True)])
def test_an_error_of_a_device_that_still_answers_is_tried_once_more(
    times: int, fails: bool, folder: ObjectFolder, tmp_path: Path
) -> None:
    costly = Costly(RuntimeError(ILLEGAL), most=0, first=9, times=times)
    if fails:
        with pytest.raises(RuntimeError, match="illegal memory access"):
            trained(folder, tmp_path, costly, 12)
    else:
        assert trained(folder, tmp_path, costly, 12).data.sample_share == 1
        assert len(costly.seen) == 10 + 4


def test_other_errors_are_no_shortage(folder: ObjectFolder, tmp_path: Path) -> None:
    costly = Costly(RuntimeError("shapes do not match"), most=0)
    with pytest.raises(RuntimeError, match="shapes"):
        trained(folder, tmp_path, costly)
    assert len(costly.seen) == 1


def test_the_share_is_that_of_what_the_same_seed_would_draw_and_at_least_one(folder: ObjectFolder) -> None:
    """A share of 1 changes nothing, whatever the counts."""
    from functools import partial

    from sphere_scene import point_options, ray_options

    from o2recon.data import ObjectData, RayBuilder

    make = partial(
        ObjectData,
        folder=folder,
        rays=RayBuilder(**ray_options()),
        shares={"visible": 1.0},
        one_view=False,
        num_rays=3,
        points=point_options(),
        num_val_rays=4,
        val_chunk=1,
        hull_margin=None,
        seed=0,
    )
    whole, lowered = make(), make()
    whole.take_share(1.0)
    lowered.take_share(0.125)
    assert (whole.num_rays, whole.point_options) == (3, point_options())
    assert (lowered.num_rays, lowered.val_chunk) == (1, 1)
    lowered.setup()
    assert len(lowered.draw(torch.Generator().manual_seed(0)).rays.view) == 1


def test_after_a_shortage_in_a_validation_training_goes_on_in_training_mode(
    folder: ObjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning warns of a module that begins in evaluation mode, and a warning fails a test."""
    update, calls = HeldOut.update, []

    def short_once(self: HeldOut, *given: Any) -> None:
        calls.append(given)
        if len(calls) == 1:
            raise RuntimeError("CUDA out of memory")
        update(self, *given)

    monkeypatch.setattr(HeldOut, "update", short_once)
    fit = fit_of(16, warm=1)
    fit.validate_every = 8
    module = train(folder, tmp_path, fit)
    assert module.step == 16 and len(calls) > 1 and module.data.sample_share == 0.5
