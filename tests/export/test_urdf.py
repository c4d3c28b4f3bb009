"""The URDF parses, names files that exist, and a simulator agrees with it."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import trimesh
from closed_bodies import l_shape

from o2recon.export import Body, body_of, urdf, write_obj, write_textured_obj, write_urdf
from o2recon.mesh import TexturedMesh


def halves() -> list[trimesh.Trimesh]:
    return [
        trimesh.creation.box(bounds=[[0, 0, 0], [1, 0.2, 0.2]]),
        trimesh.creation.box(bounds=[[0, 0.2, 0], [0.2, 1, 0.2]]),
    ]


@pytest.fixture
def written(tmp_path):
    names = ["part_000.obj", "part_001.obj"]
    for name, part in zip(names, halves(), strict=True):
        write_obj(tmp_path / name, [part])
    write_obj(tmp_path / "visual.obj", [l_shape()])
    content = urdf("an_l", body_of(l_shape(), density=500), visual="visual.obj", parts=names)
    write_urdf(tmp_path / "object.urdf", content)
    return tmp_path / "object.urdf"


def test_the_xml_holds_mass_inertia_and_files_beside_it(written):
    link = ET.parse(written).getroot().find("link")
    assert float(link.find("inertial/mass").get("value")) == pytest.approx(0.072 * 500)
    values = {k: float(v) for k, v in link.find("inertial/inertia").attrib.items()}
    expected = body_of(l_shape(), density=500).inertia
    assert values["ixy"] == pytest.approx(expected[0, 1], rel=1e-6) and values["ixy"] != 0
    files = [m.get("filename") for m in link.iter("mesh")]
    assert len(files) == 3 and all((written.parent / f).is_file() for f in files)
    assert len(link.findall("collision")) == 2


def test_a_file_that_is_missing_is_named(written):
    (written.parent / "part_001.obj").unlink()
    with pytest.raises(ValueError, match=r"part_001\.obj, which is not there"):
        write_urdf(written, written.read_text())


def test_a_body_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="no body"):
        urdf("x", Body(1.0, np.zeros(3), np.diag([1.0, 1.0, 3.0])), visual="v.obj", parts=[])


def test_obj_files_come_back_as_written(tmp_path):
    write_obj(tmp_path / "both.obj", halves())
    back = trimesh.load(tmp_path / "both.obj", force="mesh")
    assert back.volume == pytest.approx(0.072) and len(back.faces) == 24


def test_the_textured_obj_shows_its_picture_the_right_way_up(tmp_path):
    image = np.zeros((4, 2, 3), np.uint8)
    image[0] = [250, 10, 20]  # the top row of the picture
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    normals = np.tile([0.0, 0, 1], (3, 1))
    mesh = TexturedMesh(corners, normals, np.array([[0, 1, 2]]), np.full((3, 2), [0.5, 0.01]), image)
    write_textured_obj(tmp_path / "one.obj", mesh, suffix=".png")
    back = trimesh.load(tmp_path / "one.obj", force="mesh", process=False)
    np.testing.assert_array_equal(back.visual.to_color().vertex_colors[0][:3], [250, 10, 20])


def test_mujoco_lets_the_object_fall_and_rest(written):
    mujoco = pytest.importorskip("mujoco")
    spec = mujoco.MjSpec.from_file(str(written))
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5, 5, 0.1])
    falling = next(b for b in spec.worldbody.bodies)
    falling.add_freejoint()
    falling.pos = [0, 0, 0.1]
    model = spec.compile()
    assert model.body_mass.sum() == pytest.approx(36, rel=1e-3)
    data = mujoco.MjData(model)
    for _ in range(1500):
        mujoco.mj_step(model, data)
    assert np.isfinite(data.qpos).all() and np.abs(data.qvel).max() < 1e-2
    assert abs(data.qpos[2]) < 0.01
