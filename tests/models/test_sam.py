"""Prompted masks against transformers' own processor, and what is said when a network is missing or another one."""

from pathlib import Path

import numpy as np
import pytest

from o2recon.models import SegmentAnything

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
BOXES = np.array([[5.0, 5, 30, 30], [10, 10, 40, 40]])
POINTS = np.array([[[8.0, 8], [9, 9]], [[20, 20], [21, 21]]])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from tiny_networks import save_sam, save_sam2

    folder = tmp_path_factory.mktemp("networks")
    return {"sam": save_sam(folder / "sam"), "sam2": save_sam2(folder / "sam2")}


def picture(height: int = 48, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("points", [POINTS, None])
@pytest.mark.parametrize("shape", [(48, 60), (60, 48), (200, 150)])
def test_sam_s_masks_are_those_of_its_own_processor(
    folders: dict[str, Path], points: np.ndarray | None, shape: tuple[int, int]
) -> None:
    from PIL import Image

    masks, scores = SegmentAnything(model=str(folders["sam"]), revision=None, safetensors=True)(
        picture(*shape), BOXES, points, device="cpu"
    )
    processor = transformers.SamProcessor.from_pretrained(folders["sam"])
    network = transformers.SamModel.from_pretrained(folders["sam"]).eval()
    prompts = {"input_boxes": [BOXES.tolist()]}
    if points is not None:
        prompts |= {"input_points": [points.tolist()], "input_labels": [[[1, 1], [1, 1]]]}
    inputs = processor(images=Image.fromarray(picture(*shape)), return_tensors="pt", **prompts)
    inputs = {k: v.float() if v.dtype == torch.float64 else v for k, v in inputs.items()}
    with torch.inference_mode():
        found = network(**inputs, multimask_output=False)
    expected = processor.post_process_masks(found.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"])[
        0
    ]
    assert masks.shape == (2, *shape)
    assert (masks == expected[:, 0].numpy()).mean() > 0.995
    np.testing.assert_allclose(scores, found.iou_scores[0, :, 0].numpy(), atol=1e-4)
    assert 0 < masks.mean() < 1


def test_sam_2_sees_the_picture_squeezed_to_a_square(folders: dict[str, Path]) -> None:
    """Its own processor (squeezed picture, prompts scaled along) needs torchvision: its arithmetic is written out."""
    image = picture(64, 128)
    masks, _ = SegmentAnything(model=str(folders["sam2"]), revision=None, safetensors=True)(
        image, BOXES, None, device="cpu"
    )
    from PIL import Image

    small = np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR), np.float32) / 255
    values = ((small - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).astype(np.float32).transpose(2, 0, 1)
    network = transformers.Sam2Model.from_pretrained(folders["sam2"]).eval()
    boxes = torch.tensor(BOXES * [0.5, 1, 0.5, 1], dtype=torch.float32)[None]
    with torch.inference_mode():
        found = network(pixel_values=torch.from_numpy(values)[None], input_boxes=boxes, multimask_output=False)
        up = torch.nn.functional.interpolate(found.pred_masks[0], (64, 128), mode="bilinear", align_corners=False)
    assert (masks == (up[:, 0] > 0).numpy()).mean() > 0.98


def test_what_is_missing_or_another_network_is_said(folders: dict[str, Path], tiny_depth_network: Path) -> None:
    absent = SegmentAnything(model="nobody/nothing", revision=None, safetensors=True)
    assert "hf download nobody/nothing" in str(absent.obstacle)
    with pytest.raises(ValueError, match="hf download"):
        absent(picture(), BOXES, None, device="cpu")
    with pytest.raises(ValueError, match="no network that takes boxes to masks"):
        SegmentAnything(model=str(tiny_depth_network), revision=None, safetensors=True)(
            picture(), BOXES, None, device="cpu"
        )
    assert SegmentAnything(model=str(folders["sam"]), revision=None, safetensors=True).obstacle is None
