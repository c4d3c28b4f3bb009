"""Recognising whose meshes lie how in a folder."""

import json
from pathlib import Path

import pytest
from made_up_results import own_truth, published, sphere, write, write_cloud

from o2recon.evaluate.layouts import PLAIN, PUBLISHED, RUNS, Found, MeshFolders


def find(folder: Path, *, name: str | None = None, scene: str | None = None) -> Found:
    return MeshFolders(name=name, scene=scene)(folder)


def write_run(study: Path, method: str = "quick/none", place: str = "room/1", **result: object) -> Path:
    folder = study / method / place / "seed_0"
    folder.mkdir(parents=True)
    (folder / "mesh.ply").write_bytes(b"a mesh")
    if result:
        (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.mark.parametrize(
    ("below", "method", "ablation"),
    [
        (".", "quick", "no_cascade"),
        ("quick", "quick", "no_cascade"),
        ("quick/no_cascade", "no_cascade", "none"),
        ("quick/no_cascade/room", "no_cascade", "none"),
    ],
)
def test_runs_are_found_from_any_level_and_named_by_it(tmp_path: Path, below: str, method: str, ablation: str) -> None:
    write_run(tmp_path, "quick/no_cascade")
    found = find(tmp_path / below)
    (c,) = found.candidates
    assert found.layout == RUNS and (c.method, c.ablation, c.scene, c.object, c.seed) == (
        *(method, ablation, "room", 1, "0"),
    )


@pytest.mark.parametrize("below", ["none", "none/room", "none/room/1", "none/room/1/seed_0"])
def test_a_runs_own_record_tells_what_the_folder_does_not(tmp_path: Path, below: str) -> None:
    write_run(tmp_path / "x", "none", experiment="fast", ablation="no_depth", scene="kitchen", category="chair")
    (c,) = find(tmp_path / "x" / below).candidates
    assert (c.method, c.ablation, c.scene, c.category) == ("fast", "no_depth", "kitchen", "chair")


def test_a_failed_run_has_no_mesh_but_its_error(tmp_path: Path) -> None:
    (write_run(tmp_path, status="failed", error="diverged") / "mesh.ply").unlink()
    (c,) = find(tmp_path).candidates
    assert c.mesh is None and c.error == "diverged"


def test_the_originals_files_are_told_apart(tmp_path: Path) -> None:
    published(tmp_path / "newfilled_5", "scene0005_00", ids=(1, 3))
    found = find(tmp_path / "newfilled_5")
    assert found.layout == PUBLISHED and [c.object for c in found.candidates] == [1, 3]
    c = found.candidates[1]
    stem = "scene0005_00_scannet_obj_3_newfilled_5_"
    names = [f.name.removeprefix(stem) for f in (c.mesh, c.visible, c.cleaned, c.cad) if f is not None]
    assert names == ["full_mesh.ply", "mesh.ply", "pointcloud.ply", "mesh.ply"]
    assert (c.method, c.scene) == ("newfilled_5", "scene0005_00")


@pytest.mark.parametrize("suffix", ["_vmap", ""])
def test_a_baseline_of_point_clouds(tmp_path: Path, suffix: str) -> None:
    stem = tmp_path / "vmap" / "scene0005_00" / f"scene0005_00_scannet_obj_9{suffix}"
    write_cloud(Path(f"{stem}_pointcloud.ply"), sphere(1))
    write_cloud(Path(f"{stem}_full_pointcloud.ply"), sphere(1))
    (c,) = find(tmp_path / "vmap").candidates
    assert c.object == 9 and c.cleaned is not None and c.mesh is not None and c.mesh == c.cad
    assert c.cleaned.name.endswith(f"9{suffix}_pointcloud.ply") and c.mesh.name.endswith("full_pointcloud.ply")


def test_several_methods_below_one_folder_keep_their_names(tmp_path: Path) -> None:
    for method in ("ours/newfilled_5", "baselines/vmap"):
        published(tmp_path / method, "scene0005_00", ids=(1,))
    assert {c.method for c in find(tmp_path).candidates} == {"newfilled_5", "vmap"}
    assert {c.method for c in find(tmp_path, name="x").candidates} == {"x-newfilled_5", "x-vmap"}
    assert find(tmp_path / "baselines" / "vmap" / "scene0005_00").candidates[0].method == "vmap"


def test_two_results_of_one_object_in_one_folder_are_two_methods(tmp_path: Path) -> None:
    for suffix in ("newfilled_5", "selected_5"):
        write(tmp_path / "m" / "scene0005_00" / f"scene0005_00_scannet_obj_1_{suffix}_mesh.ply", sphere(1))
    assert {c.method for c in find(tmp_path / "m").candidates} == {"m-newfilled_5", "m-selected_5"}


def test_plain_folders(tmp_path: Path) -> None:
    write(tmp_path / "theirs" / "room_a" / "1.ply", sphere(1))
    write(tmp_path / "theirs" / "room_a" / "1.stl", sphere(1))
    write(tmp_path / "theirs" / "room_a" / "notes.ply", sphere(1))
    write(tmp_path / "theirs" / "room_b" / "12" / "mesh.obj", sphere(1))
    found = find(tmp_path / "theirs")
    assert found.layout == PLAIN and not found.flat
    assert [(c.method, c.scene, c.object, c.mesh and c.mesh.name) for c in found.candidates] == [
        ("theirs", "room_a", 1, "1.ply"),
        ("theirs", "room_b", 12, "mesh.obj"),
    ]
    assert [c.scene for c in find(tmp_path / "theirs", scene="room_b").candidates] == ["room_b"]


def test_a_flat_folder_is_one_scene_that_may_be_named(tmp_path: Path) -> None:
    own_truth(tmp_path / "theirs" / "room_a", ids=(2,))
    folder = tmp_path / "theirs" / "room_a"
    for found in (
        find(folder),
        find(folder, scene="room_a"),
        MeshFolders(name=None, scene=None)(folder, scene="room_a"),
    ):
        assert found.flat and (found.candidates[0].method, found.candidates[0].scene) == ("theirs", "room_a")
    c = find(folder, scene="room_b", name="x").candidates[0]
    assert (c.method, c.scene) == ("x", "room_b")
    assert find(folder, scene="room_b").candidates[0].method == "room_a"


def test_nothing_known_names_the_accepted_layouts(tmp_path: Path) -> None:
    write(tmp_path / "chair.ply", sphere(1))
    with pytest.raises(ValueError, match="<scene>_scannet_obj_<id>"):
        find(tmp_path)
    with pytest.raises(ValueError, match="is no folder"):
        find(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"compare\.name"):
        MeshFolders(name="a/b", scene=None)


def test_one_number_under_two_names_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "1.ply", sphere(1))
    write(tmp_path / "01.ply", sphere(2))
    with pytest.raises(ValueError, match="both mean object 1"):
        find(tmp_path)


@pytest.mark.parametrize(
    "name", ["../../escaped", "/tmp/escaped", "..", "a/b", "a\\b", ".hidden", "", "a\nb", 3, ["a"]]
)
def test_a_strangers_result_does_not_say_where_ours_are_put(tmp_path: Path, name: object) -> None:
    write_run(tmp_path / "theirs", experiment=name, ablation=name, scene=name)
    (c,) = find(tmp_path / "theirs").candidates
    assert (c.method, c.ablation, c.scene) == ("quick", "none", "room")
    write_run(tmp_path / "other", experiment="ours 2+x", ablation="no_normal+no_color", scene="scene0005_00")
    (c,) = find(tmp_path / "other").candidates
    assert (c.method, c.ablation, c.scene) == ("ours 2+x", "no_normal+no_color", "scene0005_00")
