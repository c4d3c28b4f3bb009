from pathlib import Path

from o2recon.sweep import changes, fingerprint_of_files, run_config, run_fingerprint

CONFIG = {"seed": 0, "scene": {"root": "/here", "frame_skip": 1}, "train": {"num_steps": 3, "device": "cpu"}}


def test_a_run_is_the_same_wherever_it_is_done() -> None:
    elsewhere = CONFIG | {
        "scene": {"root": "/there", "frame_skip": 1},
        "train": {"num_steps": 3, "device": "cuda"},
        "work": "/scratch",
        "device": "cuda",
        "trainer": {"devices": 2},
        "study": "other",
    }
    assert run_fingerprint(CONFIG, {"prepared": "a"}) == run_fingerprint(elsewhere, {"prepared": "a"})


def test_a_run_changes_with_its_options_and_with_its_inputs() -> None:
    base = run_fingerprint(CONFIG, {"prepared": "a"})
    assert run_fingerprint(CONFIG | {"seed": 1}, {"prepared": "a"}) != base
    assert run_fingerprint(CONFIG, {"prepared": "b"}) != base


def test_the_config_itself_is_left_as_it_was() -> None:
    run_config(CONFIG)
    assert CONFIG["scene"] == {"root": "/here", "frame_skip": 1}


def test_changes_name_the_key_and_both_values() -> None:
    assert changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}, "d": 4}) == ["a.b: 1 -> 3", "d: (absent) -> 4"]
    assert changes(CONFIG, CONFIG) == []


def test_another_class_is_told_by_its_name_and_without_what_it_takes() -> None:
    before = {"views": {"score": {"_target_": "o2recon.objects.AreaSharpness", "margin": 0.05}, "most": None}}
    after = {"views": {"score": {"_target_": "o2recon.objects.ClipSimilarity", "network": "x"}, "most": True}}
    assert changes(before, after) == ["views.score: AreaSharpness -> ClipSimilarity", "views.most: null -> true"]
    assert changes(before, {"views": {"most": None}}) == ["views.score: AreaSharpness -> (absent)"]
    assert changes({"a": {"b": 1}}, {"a": None}) == ["a: {b} -> null"]


def test_a_loss_that_was_switched_off_is_a_change() -> None:
    assert changes({"loss": {"normal": {"weight": 1}}}, {"loss": {"normal": None}})


def test_files_are_identified_by_name_and_content(tmp_path: Path) -> None:
    a, b = tmp_path / "1.ply", tmp_path / "2.ply"
    a.write_text("x")
    b.write_text("x")
    assert fingerprint_of_files([]) == "none"
    assert fingerprint_of_files([a]) != fingerprint_of_files([b])
    before = fingerprint_of_files([a])
    a.touch()
    assert fingerprint_of_files([a]) == before
    a.write_text("y")
    assert fingerprint_of_files([a]) != before


def test_a_file_that_cannot_be_read_differs_from_what_it_will_be(tmp_path: Path) -> None:
    (tmp_path / "1.ply").mkdir()
    unreadable = fingerprint_of_files([tmp_path / "1.ply"])
    (tmp_path / "1.ply").rmdir()
    (tmp_path / "1.ply").write_text("ply")
    assert unreadable not in ("none", fingerprint_of_files([tmp_path / "1.ply"]))
