"""Words where numbers are expected are refused before anything runs."""

import pytest

from o2recon.cli.values import check_values


@pytest.mark.parametrize("value", ["1cm", "'0.01'", "0.01,fine"])
def test_a_word_is_no_number(value: str) -> None:
    with pytest.raises(ValueError, match=r"mesh\.spacing_m=\S+ is no number \(by default it is 0\.\d+\)"):
        check_values("run", ["scene.root=/data/scan", f"mesh.spacing_m={value}"])


def test_a_word_is_neither_true_nor_false() -> None:
    with pytest.raises(ValueError, match="is neither true nor false"):
        check_values("run", ["volume.carve=maybe"])


@pytest.mark.parametrize("value", ["faild", "'faild'", "true", "1", "null,faild", "[failed]"])
@pytest.mark.parametrize("stage", ["run", "status"])
def test_retry_is_one_of_its_choices(stage: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"retry=\S+: choose null, failed"):
        check_values(stage, ["scene.root=/data/scan", f"retry={value}"])


@pytest.mark.parametrize(
    "argument",
    ["mesh.spacing_m=1e-2", "mesh.spacing_m=0.01,0.02", "mesh.spacing_m=null", "scene.root=/nowhere", "study=7", "-m"]
    + ["retry=null", "retry=failed", "+retry='all'", "retry=failed,all"]
    + ["mesh.spacing_m=${train.num_steps}", "ablation=none,no_inpaint", "no.such.key=word", "broken", "objects.a.b=c"],
)
def test_everything_else_is_left_to_hydra(argument: str) -> None:
    check_values("run", [argument])
