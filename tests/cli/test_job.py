import pytest
from omegaconf import OmegaConf

from o2recon.cli.job import Job, choices_of


def job(device: str = "cpu") -> Job:
    config = {
        "stage": "run",
        "study": "main",
        "outputs": "out",
        "work": "w",
        "prepared": "objects",
        "seed": 3,
        "device": device,
    }
    return Job(config=OmegaConf.create(config), experiment="quick", ablation="none", room="demo")


def test_folders_are_those_of_the_interface() -> None:
    assert job().run_folder("room", 7).as_posix() == "out/main/quick/none/room/7/seed_3"
    assert job().prepared_folder("room", 7).as_posix() == "w/room/objects/7"


def test_stacked_ablations_have_one_name() -> None:
    choices = {"experiment": "quick", "synth": "demo"}
    assert choices_of(choices | {"ablation": "[no_normal, no_color]"})["ablation"] == "no_normal+no_color"
    assert choices_of(choices | {"ablation": ["no_normal", "no_color"]})["ablation"] == "no_normal+no_color"
    assert choices_of(choices | {"ablation": "none"})["ablation"] == "none"


@pytest.mark.parametrize(("device", "message"), [("gpu", "choose auto, cpu, cuda"), ("cuda:99", "GPUs here")])
def test_a_device_that_is_not_there_is_a_clear_error(device: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _ = job(device).device


def test_auto_is_a_device_that_is_there() -> None:
    assert job("auto").device in ("cpu", "cuda")
