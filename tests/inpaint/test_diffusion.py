from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from o2recon.inpaint import Classical, Diffusion, Preferred, Request

Paint = Callable[[np.ndarray, np.ndarray, int, float], np.ndarray]


def by_seed(image: np.ndarray, mask: np.ndarray, seed: int, strength: float) -> np.ndarray:
    """A colour that the seed decides, mixed with what was there."""
    color = np.array([60 + seed % 150, 120, 60 + seed // 7 % 150])
    return np.where(mask[..., None], strength * color + (1 - strength) * image, image).astype(np.uint8)


class Network:
    """Stands for a loaded pipeline; counts what it was asked."""

    model, takes_strength, is_on_disk = "owner/name", True, True
    obstacle: str | None = None

    def __init__(self, paint: Paint = by_seed, identity: str = "name@1") -> None:
        self.paint, self.identity = paint, identity
        self.batches: list[int] = []
        self.strengths: list[float] = []
        self.prompts: list[str] = []
        self.device = ""

    def load(self, device: str) -> None:
        self.device = device

    def release(self) -> None:
        self.device = ""

    def __call__(self, images, masks, prompts, seeds, *, strength):  # type: ignore[no-untyped-def]
        self.batches.append(len(images))
        self.strengths.append(strength)
        self.prompts += prompts
        return [self.paint(i, m, s, strength) for i, m, s in zip(images, masks, seeds, strict=True)]


def diffusion(network: Network, **changes: float) -> Diffusion:
    options = {
        "size": 64,
        "context": 0.25,
        "max_zoom": 2.0,
        "batch_size": 3,
        "strength": 0.4,
        "black": 10.0,
        "max_black_share": 0.5,
        "min_change": 1.0,
        "max_resamples": 2,
        "confidence": 1.0,
        "alone": 0.4,
    }
    return Diffusion(pipeline=network, **{**options, **changes})  # type: ignore[arg-type]


def request(seed: int = 1, *, drafted: bool = False, color: int = 150) -> Request:
    """A grey object, its right half under something green; of that a part may be drafted."""
    image = np.full((50, 70, 3), 30, np.uint8)
    image[10:40, 10:35] = color
    image[10:40, 35:60] = (0, 255, 0)
    known, hidden = np.zeros((50, 70), bool), np.zeros((50, 70), bool)
    known[10:40, 10:35], hidden[10:40, 35:60] = True, True
    draft = hidden & (np.arange(70) < 45) if drafted else np.zeros_like(hidden)
    image[draft] = color
    return Request(image, hidden & ~draft, draft, known, "a chair", seed)


def test_hidden_pixels_are_painted_and_the_rest_stays(tmp_path: Path) -> None:
    network = Network()
    painter = diffusion(network).on("cpu")
    asked = request()
    painted = painter([asked], cache=tmp_path)[0]
    np.testing.assert_array_equal(painted.image[~asked.empty], asked.image[~asked.empty])
    assert np.abs(painted.image[12:38, 37:58, 1].astype(int) - 120).max() <= 1 and network.prompts == ["a chair"]
    np.testing.assert_array_equal(painted.confidence, asked.empty.astype(np.float32))
    assert network.device == "cpu" and painter.name == "diffusion(owner/name)"


def test_a_second_run_costs_nothing_and_gives_the_same_pictures(tmp_path: Path) -> None:
    asked = [request(seed, drafted=seed % 2 == 0) for seed in range(5)]
    first, second = Network(), Network()
    before = diffusion(first)(asked, cache=tmp_path)
    assert sum(first.batches) == 5 + 3 and max(first.batches) == 3
    after = diffusion(second)(asked, cache=tmp_path)
    assert second.batches == [] and second.device == ""  # not even loaded
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize("change", ["image", "mask", "prompt", "seed", "model"])
def test_the_cache_asks_again_when_anything_that_matters_changed(change: str, tmp_path: Path) -> None:
    asked, network = request(), Network()
    diffusion(network)([asked], cache=tmp_path)
    moved = np.roll(asked.empty, 1, axis=0)
    other = {
        "image": Request(asked.image + 1, asked.empty, asked.drafted, asked.known, "a chair", 1),
        "mask": Request(asked.image, moved, asked.drafted, asked.known, "a chair", 1),
        "prompt": Request(asked.image, asked.empty, asked.drafted, asked.known, "a table", 1),
        "seed": request(2),
        "model": asked,
    }[change]
    again = Network(identity="name@2" if change == "model" else "name@1")
    diffusion(again)([other], cache=tmp_path)
    assert again.batches == [1]


def test_a_damaged_file_in_the_cache_is_made_again(tmp_path: Path) -> None:
    diffusion(Network())([request()], cache=tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(b"cut off")
    again = Network()
    diffusion(again)([request()], cache=tmp_path)
    assert again.batches == [1]


def test_black_and_unchanged_pictures_are_asked_for_again_with_another_seed(tmp_path: Path) -> None:
    seeds: list[int] = []

    def third_time(image: np.ndarray, mask: np.ndarray, seed: int, strength: float) -> np.ndarray:
        seeds.append(seed)
        if len(seeds) == 1:
            return np.zeros_like(image)
        return image if len(seeds) == 2 else by_seed(image, mask, seed, strength)

    asked = request()
    painted = diffusion(Network(third_time))([asked], cache=tmp_path)[0]
    assert len(set(seeds)) == 3 and (painted.confidence[asked.empty] == 1).all()


def test_after_the_last_attempt_the_pixels_are_given_up(tmp_path: Path) -> None:
    network = Network(lambda image, mask, seed, strength: np.zeros_like(image))
    asked = request()
    painted = diffusion(network, max_resamples=1)([asked], cache=tmp_path)[0]
    assert network.batches == [1, 1] and not painted.confidence.any()
    np.testing.assert_array_equal(painted.image, asked.image)


def test_black_is_right_for_a_black_object(tmp_path: Path) -> None:
    network = Network(lambda image, mask, seed, strength: np.where(mask[..., None], 5, image).astype(np.uint8))
    asked = request(color=8)
    assert diffusion(network)([asked], cache=tmp_path)[0].confidence[asked.empty].all()


def test_single_black_pixels_are_given_up(tmp_path: Path) -> None:
    def speckled(image: np.ndarray, mask: np.ndarray, seed: int, strength: float) -> np.ndarray:
        made = by_seed(image, mask, seed, strength)
        made[:20] = 0
        return made

    asked = request()
    sure = diffusion(Network(speckled))([asked], cache=tmp_path)[0].confidence[asked.empty] > 0
    assert 0.3 < sure.mean() < 0.95


def test_drafts_are_harmonised_at_low_strength_together_with_what_was_filled(tmp_path: Path) -> None:
    network, asked = Network(), request(drafted=True)
    painted = diffusion(network)([asked], cache=tmp_path)[0]
    assert network.strengths == [1.0, 0.4]
    moved = np.abs(painted.image[asked.drafted].astype(int) - asked.image[asked.drafted]).mean()
    assert 1 < moved < 60
    assert (painted.confidence[asked.drafted | asked.empty] == 1).all()


def test_rejected_harmony_leaves_the_drafts_as_they_were(tmp_path: Path) -> None:
    def only_full(image: np.ndarray, mask: np.ndarray, seed: int, strength: float) -> np.ndarray:
        return by_seed(image, mask, seed, strength) if strength == 1 else np.zeros_like(image)

    asked = request(drafted=True)
    painted = diffusion(Network(only_full))([asked], cache=tmp_path)[0]
    np.testing.assert_array_equal(painted.image[asked.drafted], asked.image[asked.drafted])
    assert (painted.confidence[asked.drafted] == 1).all()


def test_networks_without_strength_keep_the_drafts(tmp_path: Path) -> None:
    network, asked = Network(), request(drafted=True)
    network.takes_strength = False  # type: ignore[misc]
    painted = diffusion(network)([asked], cache=tmp_path)[0]
    assert network.strengths == [1.0]
    np.testing.assert_array_equal(painted.image[asked.drafted], asked.image[asked.drafted])


@pytest.mark.parametrize(("key", "value"), [("size", 100), ("strength", 1.0), ("strength", -0.1)])
def test_bad_options_are_refused(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"inpaint.painter.{key} is {value}"):
        diffusion(Network(), **{key: value})


def test_the_default_takes_diffusion_only_with_weights_and_a_gpu() -> None:
    network = Network()
    classical = Classical(algorithm="telea", radius_px=3, confidence=0.3)
    preferred = Preferred(diffusion=diffusion(network), classical=classical)
    assert preferred.on("cuda:0") is preferred.diffusion and preferred.obstacle is None
    assert preferred.on("cpu") is classical and "without a GPU" in str(preferred.obstacle)
    network.obstacle = "no weights"
    assert preferred.on("cuda:0") is classical and preferred.obstacle == "no weights"


def test_a_real_pipeline_paints_a_view(tmp_path: Path, tiny_inpainter: Path) -> None:
    from o2recon.models import InpaintingPipeline

    network = InpaintingPipeline(
        model=str(tiny_inpainter),
        revision=None,
        download=False,
        safetensors=True,
        dtype="auto",
        offload="auto",
        num_steps=2,
        guidance_scale=3.0,
        negative_prompt=None,
    )
    asked = [request(1), request(2, drafted=True)]
    painted = diffusion(network)(asked, cache=tmp_path)
    for r, p in zip(asked, painted, strict=True):
        hidden = r.empty | r.drafted
        np.testing.assert_array_equal(p.image[~hidden], r.image[~hidden])
        assert (p.confidence[hidden] > 0).mean() > 0.9
