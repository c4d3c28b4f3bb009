import pytest
import torch

from o2recon.cli.overrides import experiment_here, with_defaults


def test_a_list_of_objects_is_no_sweep() -> None:
    assert "object=[1,2]" in with_defaults("run", ["object=1,2"])
    assert "object=1,2" in with_defaults("run", ["object=1,2", "-m"])


def test_the_sweep_flag_may_stand_anywhere() -> None:
    assert with_defaults("run", ["seed=1,2", "-m"])[0] == "-m"


def test_overrides_of_one_object_may_add_keys() -> None:
    assert "++objects.overrides.2.category=armchair" in with_defaults("run", ["objects.overrides.2.category=armchair"])


def test_what_the_user_says_replaces_the_defaults_of_a_stage() -> None:
    assert "study=demo" in with_defaults("demo", [])
    assert "study=demo" not in with_defaults("demo", ["study=mine"])


def test_the_stage_is_part_of_the_config_so_that_every_launcher_has_it() -> None:
    assert with_defaults("train", []) == ["stage=train"]


def test_fields_are_trained_fast_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert experiment_here("run", ["object=1"]) == ["experiment=fast"]
    assert experiment_here("run", ["device=cpu"]) == []
    assert experiment_here("run", ["experiment=quick"]) == []
    assert experiment_here("report", []) == []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert experiment_here("run", []) == []


def test_boxes_of_objects_choose_where_ids_come_from_unless_that_was_chosen() -> None:
    assert with_defaults("run", ["objects.boxes=b.yaml"])[-2:] == ["instances=boxes", "instances.boxes=b.yaml"]
    both = with_defaults("run", ["instances=sam", "objects.boxes=b.yaml"])
    assert both[-2:] == ["instances=sam", "instances.boxes=b.yaml"]
