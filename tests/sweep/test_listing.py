from o2recon.sweep import listing

HEAD = ("object", "state", "note")
WHY = "train.num_steps: 2000 -> 3000; mesh.spacing_m: 0.01 -> 0.02; field.coarse: Dense -> Hashed"


def test_notes_that_do_not_fit_are_told_once_below() -> None:
    lines = listing(HEAD, [("1", "stale", WHY), ("2", "failed", "no floor"), ("13", "stale", WHY)])
    assert lines[1:4] == ["1       stale   [1]", "2       failed  no floor", "13      stale   [1]"]
    assert lines[4:] == [f"[1] {WHY} (2 times)"]
    assert all(len(line) <= 80 for line in lines[:4])


def test_rows_that_are_cut_off_still_count_but_bring_no_notes() -> None:
    other = WHY.replace("2000", "1000")
    lines = listing(HEAD, [("1", "stale", WHY), ("2", "stale", WHY), ("3", "stale", other)], most=1)
    assert lines == ["object  state  note", "1       stale  [1]", f"[1] {WHY} (2 times)"]
