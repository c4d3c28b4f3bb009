"""The semantic loss on a sphere, with random CLIP and SigLIP: what it renders, who learns from it, when it is taken."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from hydra.errors import InstantiationException
from omegaconf import OmegaConf
from sphere_scene import sphere_scene
from sphere_training import FIELD, fit_of, sdf_error_cm, train
from tiny_clip import save_clip, save_siglip

from o2recon.cameras import project
from o2recon.cli.build import build
from o2recon.field import Cascade
from o2recon.train import NovelPose, NovelViews, Semantic, build_field
from o2recon.train.semantic_crop import normal_colors, outline_points, projected_square, square_rays
from o2recon.train.semantic_pose import looking_along
from o2recon.transforms import object_to_world
from o2recon.types import Camera
from o2recon.workspace import ObjectFolder, write_image

pytest.importorskip("transformers")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ObjectFolder:
    scene = sphere_scene(size=64)
    written = scene.write(tmp_path_factory.mktemp("work") / "1")
    for view in scene.views:
        write_image(written.image("images", view.index), view.color)
    return written


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("networks")
    return {"clip": save_clip(root / "clip"), "siglip": save_siglip(root / "siglip")}


@cache
def config(choice: str) -> Any:
    with initialize_config_module("o2recon.conf", version_base="1.3"):
        return compose("config", overrides=["stage=run", f"semantic={choice}"]).semantic


def semantic(network: Path | str, choice: str = "clip", **options: Any) -> Semantic:
    made: Semantic = build(OmegaConf.merge(config(choice), {"downscale": 2.0, **options}))
    made.encoder.model = str(network)
    return made


@pytest.fixture(scope="module")
def field(folder: ObjectFolder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """A field that has learnt the sphere, its fine part switched on."""
    trained = train(folder, tmp_path_factory.mktemp("out"), fit_of(40, warm=20)).field
    assert sdf_error_cm(trained) < 2
    return dict(trained.state_dict())


def fresh(state: dict[str, torch.Tensor]) -> Cascade:
    made = build_field(FIELD, seed=0)
    made.load_state_dict(state)
    assert isinstance(made, Cascade) and made.fine_is_on
    return made


def views_of(folder: ObjectFolder, network: Path, **options: Any) -> NovelViews:
    return semantic(network, **options).of(folder, CPU)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_gradients_are_finite_and_reach_the_field_and_the_colours(
    kind: str, folder: ObjectFolder, networks: dict[str, Path], field: dict[str, torch.Tensor]
) -> None:
    made, novel = fresh(field), views_of(folder, networks[kind])
    novel(made, torch.Generator().manual_seed(0)).backward()
    for name in ("coarse_encoding", "fine_encoding", "coarse", "fine", "color_network"):
        for key, parameter in getattr(made, name).named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), (name, key)
        assert any(p.grad.abs().sum() > 0 for p in getattr(made, name).parameters()), name


@pytest.mark.parametrize("kind", ["clip", "siglip"])
@pytest.mark.parametrize("what", ["everything", "shape", "colour"])
def test_a_small_step_against_the_gradient_lowers_the_loss(
    kind: str, what: str, folder: ObjectFolder, networks: dict[str, Path], field: dict[str, torch.Tensor]
) -> None:
    made, novel = fresh(field), views_of(folder, networks[kind])
    colours = list(made.color_network.parameters())
    others = [p for p in made.parameters() if all(p is not c for c in colours)]
    moved = {"everything": others + colours, "shape": others, "colour": colours}[what]
    loss = novel(made, torch.Generator().manual_seed(0))
    loss.backward()
    squared = sum(float((p.grad**2).sum()) for p in moved if p.grad is not None)
    with torch.no_grad():
        for parameter in moved:
            if parameter.grad is not None:
                parameter -= 2e-4 / squared * parameter.grad
        after = novel(made, torch.Generator().manual_seed(0))
    assert float(after) < float(loss.detach()) - 1e-4  # to first order by 2e-4


def test_the_picture_shows_the_object_from_the_place_that_was_drawn(
    folder: ObjectFolder, networks: dict[str, Path], field: dict[str, torch.Tensor]
) -> None:
    novel, made = views_of(folder, networks["clip"]), fresh(field)
    away = 3 * torch.nn.functional.normalize(torch.tensor([1.0, 0.5, 0.7]), dim=0)
    pose = NovelPose(torch.zeros(1, dtype=torch.long), looking_along(-away / 3), away)
    with torch.no_grad():
        color, normal = novel.render(made, pose, None)
    size, middle = novel.size, novel.size // 2
    assert color.shape == normal.shape == (3, size, size)
    assert (color[:, [0, 0, -1, -1], [0, -1, 0, -1]] - 0.5).abs().max() < 0.05, "grey around it"
    assert (color[:, middle, middle] - 0.5).abs().max() > 0.05
    assert normal[2, middle, middle] > 0.9, "the normal in the middle points to the camera: blue"
    assert normal[0, middle, -size // 4] > normal[0, middle, size // 4] + 0.2, "red grows to the right"
    assert normal[1, size // 4, middle] > normal[1, -size // 4, middle] + 0.2, "green grows upwards"


def test_a_view_that_renders_like_the_reference_costs_less_than_another_colour(
    folder: ObjectFolder, networks: dict[str, Path]
) -> None:
    novel = views_of(folder, networks["clip"])
    photo = torch.zeros(1, 3, 32, 32)
    photo[:, :, 4:28, 4:28] = torch.tensor([200.0, 80.0, 40.0])[:, None, None] / 255
    like, unlike = (novel.semantic.encoder.images(p)[0] @ novel.target.color for p in (photo, photo.flip(1)))
    assert like > unlike


def test_when_it_is_taken() -> None:
    taken = semantic("any")
    assert [s for s in range(30) if taken.is_due(s, 50)] == [9, 14, 19, 24, 29]
    paper = semantic("any", start=10_000)
    assert [s for s in range(9_990, 10_011) if paper.is_due(s, 50_010)] == [9_999, 10_004, 10_009]
    with pytest.raises(InstantiationException, match="every=0"):
        semantic("any", every=0)


def test_off_without_weights_and_without_a_gpu_unless_it_is_asked_for(
    networks: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "slow without a GPU" in str(semantic(networks["clip"], "auto").obstacle("cpu"))
    assert semantic(networks["clip"], "auto").obstacle("cuda") is None
    assert "no weights of owner/name" in str(semantic("owner/name", "auto").obstacle("cuda"))
    assert semantic(networks["clip"]).obstacle("cpu") is None
    with pytest.raises(ValueError, match="cannot run: no weights of owner/name") as raised:
        semantic("owner/name").obstacle("cuda")
    assert "\n" not in str(raised.value) and "semantic=none" in str(raised.value)


def test_training_takes_it_writes_it_down_and_resumes_bit_for_bit(
    folder: ObjectFolder, networks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"semantic": semantic(networks["clip"], every=4, start=0.5)}
    whole = train(folder, tmp_path / "whole", fit_of(16), **options)
    with open(tmp_path / "whole/metrics.csv", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["train/loss/total"]]
    assert [bool(r["train/loss/semantic"]) for r in rows] == [False, True, True, True]
    assert all(0 < float(r["train/loss/semantic"]) < 6 for r in rows[1:])
    assert not any("encoder" in k for k in whole.state_dict())
    step = type(whole).training_step
    monkeypatch.setattr(type(whole), "training_step", lambda self, b, i: _until(self, b, i, step))
    with pytest.raises(InterruptedError):
        train(folder, tmp_path / "cut", fit_of(16), **options)
    monkeypatch.undo()
    resumed = train(folder, tmp_path / "cut", fit_of(16), **options)
    assert all(torch.equal(v, resumed.state_dict()[k]) for k, v in whole.state_dict().items())


def _until(module: Any, block: range, index: int, step: Any) -> None:
    if module.step >= 12:
        raise InterruptedError
    step(module, block, index)


def test_the_square_holds_the_projected_points_and_ends_somewhat_outside_the_image(folder: ObjectFolder) -> None:
    record = folder.read_record()
    view, frame = record.views[2], record.frame
    pose = _pose_of(frame, view.camera_to_world)
    corners = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    pixels, _ = project(view.camera, view.camera_to_world, object_to_world(frame, corners.numpy().astype(float)))
    camera, image = torch.from_numpy(view.camera.intrinsics).float(), torch.tensor([500.0, 500.0])
    center, side = projected_square(pose, camera, image, corners, margin=0.1)
    low, high = pixels.min(0), pixels.max(0)
    assert np.allclose(center, (low + high) / 2, atol=0.05)
    assert float(side) == pytest.approx(1.2 * (high - low).max(), 1e-3)
    _, cut = projected_square(pose, camera, torch.tensor([20.0, 10.0]), corners, margin=0.0)
    assert float(cut) <= 40


def test_rays_go_through_their_pixels_and_have_no_length_beside_the_box(folder: ObjectFolder) -> None:
    record = folder.read_record()
    view, frame = record.views[1], record.frame
    pose, camera = _pose_of(frame, view.camera_to_world), torch.from_numpy(view.camera.intrinsics).float()
    box = torch.from_numpy(frame.half_extents / frame.scale).float()
    rays = square_rays(pose, camera, torch.tensor([30.0, 32.0]), torch.tensor(80.0), box=box, size=8)
    points = object_to_world(frame, (rays.origins + 2 * rays.directions).double().numpy())
    pixels, z = project(Camera(view.camera.intrinsics, 64, 64), view.camera_to_world, points)
    expected = np.stack(np.meshgrid(-10 + 80 * (np.arange(8) + 0.5) / 8, -8 + 80 * (np.arange(8) + 0.5) / 8), -1)
    assert np.allclose(pixels, expected.reshape(-1, 2), atol=1e-2) and (z > 0).all()
    assert torch.allclose(rays.directions.norm(dim=-1), torch.ones(64), atol=1e-5)
    assert (rays.far >= rays.near).all() and rays.far[0] == rays.near[0] and rays.far[27] > rays.near[27]


def test_the_outline_is_along_the_surface_and_without_one_at_the_corners_of_the_box(folder: ObjectFolder) -> None:
    volume, frame = folder.read_volume(), folder.read_record().frame
    points = outline_points(volume, frame)
    distances = np.linalg.norm(points, axis=1) * frame.scale
    assert 500 < len(points) <= 4096 and np.abs(distances - 0.3).max() < 0.021
    corners = outline_points(replace(volume, sdf=volume.sdf + 9), frame) * frame.scale
    assert np.allclose(np.abs(corners), frame.half_extents, atol=0.03) and len(corners) == 8


def test_normals_have_their_usual_colours() -> None:
    towards, right, up = torch.tensor([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    assert normal_colors(towards).tolist() == [0.5, 0.5, 1.0]
    assert normal_colors(right).tolist() == [1.0, 0.5, 0.5]
    assert normal_colors(up).tolist() == [0.5, 1.0, 0.5]


def _pose_of(frame: Any, camera_to_world: np.ndarray) -> NovelPose:
    """The real view's camera in the object frame."""
    rotation = torch.from_numpy(frame.rotation.T @ camera_to_world[:3, :3]).float()
    center = torch.from_numpy((camera_to_world[:3, 3] - frame.center) @ frame.rotation / frame.scale).float()
    assert torch.allclose(rotation, looking_along(-center / center.norm()), atol=1e-4), "the scene's are upright"
    return NovelPose(torch.zeros(1, dtype=torch.long), rotation, center)
