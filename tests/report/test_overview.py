from pathlib import Path
from typing import Any

from made_up_study import metrics, write_run

from o2recon.report.collect import collect_runs
from o2recon.report.methods import Methods
from o2recon.report.overview import ablation_charts, failures, missing_baselines, score_charts, time_chart


def scores(value: float) -> dict[str, Any]:
    return {"complete": metrics(value), "hidden": {"f_score_2cm": value, "f_score_5cm": value}}


def test_failed_runs_come_first_then_the_lowest_scores_and_good_ones_not_at_all(tmp_path: Path) -> None:
    for number, value in ((1, 0.95), (2, 0.5), (3, 0.2)):
        write_run(tmp_path, ("quick", "none"), ("room", number), metrics=scores(value))
    write_run(tmp_path, ("quick", "none"), ("room", 4), status="failed", error="out of memory", metrics=None)
    write_run(tmp_path, ("tsdf", "none"), ("room", 1), metrics=scores(0.1))
    write_run(tmp_path, ("quick", "no_mask"), ("room", 1), metrics=scores(0.1))
    found = failures(collect_runs(tmp_path), {})
    assert [(f.run.experiment, f.run.object, f.score) for f in found] == [
        ("quick", "4", 0.0),
        ("quick", "3", 0.2),
        ("quick", "2", 0.5),
    ]


def test_an_object_stands_there_once_with_its_worst_seed(tmp_path: Path) -> None:
    for seed, value in enumerate((0.5, 0.3, 0.4)):
        write_run(tmp_path, ("quick", "none"), ("room", 1), seed=seed, metrics=scores(value))
    assert [(f.run.seed, f.score) for f in failures(collect_runs(tmp_path), {})] == [("1", 0.3)]


def test_what_makes_an_object_hard_is_said(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=scores(0.2), mesh={"watertight": False})
    facts = {("room", "1"): {"unseen_share": 0.47, "area_m2": 2.0, "volume_m3": 0.016}}
    (found,) = failures(collect_runs(tmp_path), facts)
    assert found.reasons[:3] == (
        "47 % of its true surface is unseen in every view",
        "thin: 1.6 cm on average",
        "its mesh is not closed",
    )
    assert "held-out depth" in found.reasons[3]


def test_without_truth_the_verdict_says_what_is_doubtful(tmp_path: Path) -> None:
    for number, grade in ((1, "good"), (2, "poor"), (3, "fair")):
        verdict = {"grade": grade, "reason": "because"}
        write_run(tmp_path, ("quick", "none"), ("room", number), metrics=None, verdict=verdict)
    assert [f.run.object for f in failures(collect_runs(tmp_path), {})] == ["2", "3"]


def test_results_of_ours_alone_ask_for_baselines(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1))
    assert missing_baselines(Methods(collect_runs(tmp_path))) == ("tsdf", "tsdf_closed", "hull")
    write_run(tmp_path, ("hull", "none"), ("room", 1))
    assert missing_baselines(Methods(collect_runs(tmp_path))) == ()


def test_charts_show_methods_ablations_and_times_apart(tmp_path: Path) -> None:
    for method, less in ((("quick", "none"), 0.0), (("quick", "no_mask"), 0.1), (("hull", "none"), 0.3)):
        for number in (1, 2):
            write_run(tmp_path, method, ("room", number), metrics=scores(0.5 + 0.1 * number - less))
    methods = Methods(collect_runs(tmp_path))
    assert score_charts(methods)[0].alt == "F-score 5 cm, hidden part: quick 0.650, hull 0.350"
    assert ablation_charts(methods)[0].alt == "quick: change of F-score 2 cm, hidden part: no_mask -0.100"
    times = time_chart(methods)
    assert times is not None and times.alt.count("79.4 s") == 3


def test_without_scores_and_times_there_is_nothing_to_draw(tmp_path: Path) -> None:
    write_run(tmp_path, ("quick", "none"), ("room", 1), metrics=None, seconds=None)
    methods = Methods(collect_runs(tmp_path))
    assert score_charts(methods) == [] and ablation_charts(methods) == [] and time_chart(methods) is None
