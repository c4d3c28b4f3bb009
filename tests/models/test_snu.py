"""The network against outputs of the original, with parameters that follow from their names."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from o2recon.models import SurfaceNormalUncertainty
from o2recon.models.efficientnet import SameConv2d
from o2recon.models.snu_network import SnuNetwork, load_state

TOLERANCE = 1e-4
PICTURE = np.zeros((16, 16, 3), np.uint8)


def fill(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Values of an entry of the state: the fixture's own rule."""
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0, dtype=torch.int64)
    x = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
    if key.endswith("running_mean") or key.endswith("bias"):
        x = 0.1 * x
    elif key.endswith("running_var"):
        x = 1.0 + 0.2 * np.abs(x)
    elif len(shape) == 1:
        x = 1.0 + 0.1 * x
    else:
        x = x - x.mean(axis=1, keepdims=True) if shape[1] > 1 else x
        x = x * np.sqrt(2.0 / np.prod(shape[1:])) * (2.0 if shape[0] == 4 else 1.0)
    return torch.from_numpy(x.astype(np.float32))


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> Path:
    folder = shared_data / "snu"
    if not folder.is_dir():
        pytest.skip("the reference outputs are not on this machine")
    return folder


@pytest.fixture(scope="module")
def state(reference: Path) -> dict[str, torch.Tensor]:
    entries = json.loads((reference / "state_dict.json").read_text())["entries"]
    return {key: fill(key, tuple(shape)) for key, shape, _ in entries}


@pytest.fixture(scope="module")
def callable_network(state: dict[str, torch.Tensor]) -> SurfaceNormalUncertainty:
    """As if it had been read from a checkpoint of 277 MB, which the slow test below does."""
    with torch.device("meta"):
        network = SnuNetwork()
    load_state(network, {"model": {f"module.{k}": v for k, v in state.items()}, "iter": 7})
    found = SurfaceNormalUncertainty(checkpoint=None, long_side=192)
    found._network = network.eval()
    return found


def test_names_and_shapes_of_all_parameters_are_the_published_ones(reference: Path) -> None:
    entries = json.loads((reference / "state_dict.json").read_text())["entries"]
    with torch.device("meta"):
        found = SnuNetwork().state_dict()
    assert [[k, list(v.shape)] for k, v in found.items()] == [entry[:2] for entry in entries]


@pytest.mark.parametrize(("case", "size"), [("native", (192, 160)), ("resized", (152, 120))])
def test_outputs_are_those_of_the_original(
    case: str, size: tuple[int, int], reference: Path, callable_network: SurfaceNormalUncertainty
) -> None:
    image = np.asarray(Image.open(reference / "input.png").convert("RGB"))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    sized = SurfaceNormalUncertainty(checkpoint=None, long_side=size[0])
    batch = torch.from_numpy(sized._prepared(small))[None]
    with torch.inference_mode():
        normal, kappa = callable_network._network(batch)
    with np.load(reference / "normal.npz") as d:
        np.testing.assert_allclose(normal[0].permute(1, 2, 0), d[case], atol=TOLERANCE, rtol=0)
    with np.load(reference / "kappa.npz") as d:
        np.testing.assert_allclose(kappa[0], d[case], atol=TOLERANCE, rtol=0)


def test_the_callable_gives_the_same_at_the_networks_own_size_and_in_batches(
    reference: Path, callable_network: SurfaceNormalUncertainty
) -> None:
    image = np.asarray(Image.open(reference / "input.png").convert("RGB"))
    found = callable_network([image, image[::-1].copy()], device="cpu")
    assert len(found) == 2 and found[0].dtype == np.float32
    with np.load(reference / "normal.npz") as d:
        np.testing.assert_allclose(found[0], d["native"], atol=TOLERANCE, rtol=0)


@pytest.mark.gpu
def test_a_gpu_gives_the_same() -> None:
    with torch.device("meta"):
        network = SnuNetwork()
    load_state(network, {k: fill(k, tuple(v.shape)) for k, v in network.state_dict().items()})
    both = SurfaceNormalUncertainty(checkpoint=None, long_side=192)
    both._network = network.eval()
    images = list(np.random.default_rng(0).integers(0, 255, (2, 160, 192, 3), dtype=np.uint8))
    on_cpu, on_gpu = (both(images, device=device) for device in ("cpu", "cuda"))
    both.release()
    for one, other in zip(on_cpu, on_gpu, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_loads_with_and_without_the_prefix_of_parallel_training(
    prefix: str, state: dict[str, torch.Tensor], reference: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scannet.pt"
    torch.save({"model": {prefix + k: v for k, v in state.items()}, "iter": 5}, file)
    image = np.asarray(Image.open(reference / "input.png").convert("RGB"))
    found = SurfaceNormalUncertainty(checkpoint=str(file), long_side=192)([image], device="cpu")[0]
    with np.load(reference / "normal.npz") as d:
        np.testing.assert_allclose(found, d["native"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(9, 3, 2), (10, 3, 2), (15, 5, 2), (19, 5, 2), (8, 5, 1)])
def test_strided_convolutions_sample_where_tensorflow_does(size: int, kernel: int, stride: int) -> None:
    """Output ceil(n / stride); a convolution that copies its centre shows which pixels that is."""
    convolution = SameConv2d(1, 1, kernel, stride=stride)
    nn.init.zeros_(convolution.weight)
    with torch.no_grad():
        convolution.weight[0, 0, kernel // 2, kernel // 2] = 1
    ramp = torch.arange(float(size)).expand(1, 1, size, size)
    found = convolution(ramp)[0, 0, 0]
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    centres = torch.arange(-(-size // stride)) * stride + kernel // 2 - total // 2
    torch.testing.assert_close(found, centres.float())


def test_pictures_keep_their_shape_at_multiples_of_8() -> None:
    network = SurfaceNormalUncertainty(checkpoint=None, long_side=640)
    assert network.size(480, 640) == (480, 640) and network.size(968, 1296) == (480, 640)
    assert network.size(1000, 500) == (640, 320)


def test_a_missing_checkpoint_and_another_network_are_one_line_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"checkpoint is not set.*scannet.pt"):
        SurfaceNormalUncertainty(checkpoint=None, long_side=64)([PICTURE], device="cpu")
    with pytest.raises(ValueError, match="is no file"):
        SurfaceNormalUncertainty(checkpoint=str(tmp_path / "none.pt"), long_side=64)([PICTURE], device="cpu")
    torch.save({"model": {"weight": torch.zeros(3)}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other.pt cannot be used: .*variant BN is needed"):
        SurfaceNormalUncertainty(checkpoint=str(tmp_path / "other.pt"), long_side=64)([PICTURE], device="cpu")
    (tmp_path / "broken.pt").write_bytes(b"PK broken")
    with pytest.raises(ValueError, match=r"broken.pt cannot be used"):
        SurfaceNormalUncertainty(checkpoint=str(tmp_path / "broken.pt"), long_side=64)([PICTURE], device="cpu")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="cannot be used"):
        SurfaceNormalUncertainty(checkpoint=str(tmp_path / "evil.pt"), long_side=64)([PICTURE], device="cpu")
    assert not (tmp_path / "ran").exists()
