"""The stage's files: valid, in place, and what they say about themselves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from closed_bodies import bowl
from sphere_scene import sphere_scene

from o2recon.cli.build import build
from o2recon.cli.options import composed
from o2recon.export import Exporter, exported_in, write_placed
from o2recon.mesh import read_mesh, set_colors, write_ply
from o2recon.workspace import ObjectFolder

for _module in ("coacd", "fast_simplification", "xatlas"):
    pytest.importorskip(_module)


def exporter(**changes) -> Exporter:
    small = {"resolution": 128, "max_faces": 1000, "collider.max_faces": 500, "collider.threshold": 0.5, **changes}
    overrides = tuple(f"export.{key}={value}" for key, value in small.items())
    built: Exporter = build(composed("export", overrides).export)
    return built


def sigma(z: np.ndarray) -> np.ndarray:
    return 0.0012 + 0.0019 * (z - 0.4) ** 2


def ball(shift: tuple[float, ...]) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=0.3)
    mesh.apply_translation(shift)
    set_colors(mesh, np.full((len(mesh.vertices), 3), [20, 60, 200], np.uint8))
    return mesh


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, ObjectFolder, dict]:
    """A run with its export: the sphere, away from the origin and turned."""
    root = tmp_path_factory.mktemp("export")
    scene = sphere_scene(num_views=16, size=96, turn=0.4, shift=(3, -2, 1))
    folder = scene.write(root / "work")
    for view in folder.read_record().views:
        shutil.copytree(folder.path / "inpainted" / "image", folder.path / "images", dirs_exist_ok=True)
        assert folder.image("images", view.index).is_file()
    run = root / "scene" / "1" / "seed_0"
    write_ply(run / "mesh.ply", ball((3, -2, 1)))
    return run, folder, exporter()(run, folder, sigma)


def test_the_texture_shows_the_photographs_better_than_the_vertices_do(done):
    _, _, notes = done
    psnr = notes["texture"]["held_out_psnr_db"]
    assert psnr["texture"] > 30 > 15 > psnr["vertices"]
    assert notes["texture"]["watertight"] and notes["texture"]["photographed"] > 0.7


def test_the_glb_is_upright_in_place_and_carries_its_picture(done):
    run, _, notes = done
    mesh = read_mesh(run / "textured.glb")
    np.testing.assert_allclose(mesh.bounds.mean(0), [3, -2, 1], atol=2e-3)
    assert mesh.visual.material.baseColorTexture.size == tuple(notes["texture"]["size_px"])
    rgb = mesh.visual.to_color().vertex_colors[:, :3].astype(int)
    assert np.abs(np.median(rgb, axis=0) - [200, 80, 40]).max() < 6
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.03)


def test_the_simulated_object_stands_on_zero_with_the_mass_of_its_volume(done):
    run, _, notes = done
    told = notes["simulation"]
    assert (run / told["urdf"]).is_file() and told["parts"] >= 1 and told["parts_cover"] > 0.85
    assert told["mass_kg"] == pytest.approx(300 * 4 / 3 * np.pi * 0.3**3, rel=0.02)
    np.testing.assert_allclose(told["center_of_mass_m"], [0, 0, 0.3], atol=1e-3)
    visual = trimesh.load(run / "simulation" / "object_1.obj", force="mesh", process=False)
    np.testing.assert_allclose(visual.bounds, [[-0.3, -0.3, 0], [0.3, 0.3, 0.6]], atol=3e-3)
    closed = trimesh.load(run / "simulation" / "object_1_collision.obj", force="mesh")
    assert closed.is_watertight and len(closed.faces) <= 500


def test_an_open_mesh_gets_its_texture_and_a_reason_instead_of_a_urdf(done, tmp_path):
    _, folder, _ = done
    half = bowl(4)
    half.apply_transform(trimesh.transformations.scale_and_translate(0.3, [3, -2, 1]))
    write_ply(tmp_path / "mesh.ply", half)
    notes = exporter()(tmp_path, folder, sigma)
    assert (tmp_path / "textured.glb").is_file() and not list(tmp_path.glob("simulation/*.urdf"))
    assert notes["simulation"]["urdf"] is None and "open" in notes["simulation"]["reason"]


def test_a_scene_holds_every_export_with_its_pose(done):
    run, _, notes = done
    scene = run.parents[1]
    other = scene / "2" / "seed_0"
    shutil.copytree(run, other, dirs_exist_ok=True)
    for folder, number in ((run, 1), (other, 2)):
        (folder / "export.manifest.json").write_text(json.dumps({"notes": notes | {"object": number}}))
    found = exported_in(scene, 0)
    assert len(found) == 2 and not exported_in(scene, 1)
    write_placed(scene, "room", found, 0.0)
    assert set(trimesh.load_scene(scene / "scene_textured.glb").geometry) == {"1_ball", "2_ball"}
    told = json.loads((scene / "scene.json").read_text())
    assert [o["object"] for o in told["objects"]] == [1, 2]
    assert all((scene / o["urdf"]).is_file() for o in told["objects"])
    np.testing.assert_allclose(told["objects"][0]["pose"]["position"], [3, -2, 0.7], atol=2e-3)


@pytest.mark.parametrize(("key", "value"), [("texture_format", "tif"), ("collider.method", "box")])
def test_bad_choices_are_named(key, value):
    with pytest.raises(Exception, match=f"export.{key}={value}"):
        exporter(**{key: value})
