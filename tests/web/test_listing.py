"""The page's texts."""

from o2recon.web.listing import legend, object_text, objects_table
from o2recon.web.study import Study

NONE = ("quick", "none", "0")


def test_every_object_is_listed_with_grade_and_numbers(study: Study) -> None:
    table = objects_table(study.runs_of("room", NONE), "2")
    for text in ("2 chair", "good", "1.35", "0.56", "0.71"):  # Chamfer, hidden F 5 cm, IoU of the made-up run
        assert text in table
    assert table.count("&#9656;") == 1


def test_a_failed_object_is_listed_with_its_reason(study: Study) -> None:
    table = objects_table(study.runs_of("room", NONE), None)
    assert ">failed<" in table and "too few views &amp; &lt;none&gt;" in table
    text = object_text(study.run_of("room", NONE, "4"), num_views=None, has_truth=False)
    assert "failed" in text and "too few views" in text


def test_nothing_of_a_run_reaches_the_page_as_html(study: Study) -> None:
    table = objects_table(study.runs_of("room", NONE), "3")
    assert "<b>table" not in table and "&lt;b&gt;table" in table


def test_the_object_says_what_is_missing(study: Study) -> None:
    run = study.run_of("room", NONE, "2")
    full = object_text(run, num_views=9, has_truth=True)
    assert "52 % seen, 20 % in-painted, 28 % guessed" in full and "held-out depth agrees" in full
    assert "no ground truth" not in full and "no prepared data" not in full
    bare = object_text(run, num_views=None, has_truth=False)
    assert "no ground truth" in bare and "no prepared data" in bare
    assert "no object" in object_text(None, num_views=None, has_truth=False)


def test_the_legend_names_the_range_of_errors_or_that_there_is_no_truth() -> None:
    assert "5 cm and more" in legend("error", error_range_cm=5.0, has_truth=True)
    assert "no ground truth" in legend("error", error_range_cm=5.0, has_truth=False)
    assert "in-painted" in legend("evidence", error_range_cm=5.0, has_truth=False)
