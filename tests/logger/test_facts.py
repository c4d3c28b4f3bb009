"""Names of runs and keys of numbers."""

from dataclasses import replace
from typing import Any

from o2recon.logger import RunFacts
from o2recon.logger.facts import numbers


def test_a_run_is_found_by_group_name_and_tags(facts: RunFacts) -> None:
    assert facts.group == "main/quick" and facts.name == "quick/none/test/1/seed_0"
    assert facts.tags == ("scene:test", "object:1", "category:ball", "ablation:none", "seed:0")


def test_a_tag_is_cut_where_wandb_would_refuse_it(facts: RunFacts) -> None:
    long = replace(facts, ablation="+".join(["no_consistency"] * 9))
    assert max(len(tag) for tag in long.tags) == 64


def test_numbers_have_the_keys_of_the_house_style(result: dict[str, Any]) -> None:
    flat = numbers(result)
    assert flat["test/chamfer_cm"] == result["metrics"]["complete"]["chamfer_cm"]
    assert flat["test/hidden/f_score_2cm"] == result["metrics"]["hidden"]["f_score_2cm"]
    assert flat["evidence/guessed"] == 0.3 and flat["mesh/watertight"] == 1.0 and flat["verdict/silhouette_iou"] == 0.9
    assert flat["seconds/train"] == 2.5 and flat["seconds/total"] == 3.5


def test_what_is_unknown_or_no_number_is_left_out(result: dict[str, Any]) -> None:
    flat = numbers(result)
    assert not [key for key in flat if "held_out" in key or "grade" in key or "visible" in key]
    assert numbers({"status": "failed", "error": "x", "metrics": None, "verdict": None, "seconds": {}}) == {}
