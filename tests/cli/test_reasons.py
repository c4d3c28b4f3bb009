from o2recon.cli.reasons import told_together


def test_a_single_failure_is_told_as_it_is() -> None:
    assert told_together([("1 (chair)", "no depth on it")]) == "1 (chair): no depth on it"


def test_equal_reasons_are_told_once_with_three_names() -> None:
    failures = [("sofa", "out of memory"), *((f"chair {i}", "no depth") for i in range(100))]
    assert told_together(failures) == "chair 0, chair 1, chair 2 and 97 more: no depth; sofa: out of memory"


def test_a_hundred_reasons_are_one_line_of_three() -> None:
    told = told_together([(f"chair {i}", f"reason {i}") for i in range(100)])
    assert told.count(": ") == 3 and told.endswith("97 more for other reasons, which 'o2recon status' lists")
