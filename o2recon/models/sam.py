"""Segment Anything and its successors (transformers), as a callable from a picture and prompts to masks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from o2recon.models.transformer import Transformer

PADDED = ("sam", "sam_hq")
"""Networks that see the picture with its shape, padded to a square; the others see it squeezed to one."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Where the folder does not say: those of SAM's and SAM 2's own processors."""


class SegmentAnything(Transformer):
    """SAM, SAM-HQ, SAM 2, EdgeTAM, SAM 3's tracker by hub id or folder, loaded on first use; nothing is downloaded.

    Pickled weights are refused unless `safetensors` is False.

    Pictures are prepared here as the networks' own processors do it, of which some need torchvision.
    """

    purpose = "masks from a network"

    def __init__(self, *, model: str, revision: str | None, safetensors: bool) -> None:
        super().__init__(model=model, revision=revision, safetensors=safetensors)
        self._mean, self._deviation = np.array(MEAN), np.array(DEVIATION)

    def __call__(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        boxes: Float[np.ndarray, "objects 4"],
        points: Float[np.ndarray, "objects prompts 2"] | None,
        *,
        device: str,
    ) -> tuple[Bool[np.ndarray, "objects height width"], Float[np.ndarray, "objects"]]:
        """One mask per object and how good the network says it is. Boxes are (left, top, right, bottom), points lie on
        the object; pixels, centres at +0.5. ValueError without weights, ImportError without transformers.
        """
        import torch
        from torch.nn.functional import interpolate

        self._load()
        network = self._network.to(device)
        side = int(network.config.prompt_encoder_config.image_size)
        height, width = image.shape[:2]
        scale = side / max(height, width)
        padded = network.config.model_type in PADDED
        seen = (int(height * scale + 0.5), int(width * scale + 0.5)) if padded else (side, side)
        prompts: dict[str, Any] = {"input_boxes": _scaled(boxes.reshape(-1, 2, 2), image, seen).reshape(1, -1, 4)}
        if points is not None:
            prompts["input_points"] = _scaled(points, image, seen)[None]
            prompts["input_labels"] = np.ones((1, *points.shape[:2]), np.int64)
        tensors = {k: torch.from_numpy(v).to(device) for k, v in prompts.items()}
        pixels = torch.from_numpy(self._pixels(image, seen, side)).to(device)
        with torch.inference_mode():
            found = network(pixel_values=pixels, multimask_output=False, **tensors)
            masks = interpolate(found.pred_masks[0].float(), (side, side), mode="bilinear", align_corners=False)
            masks = interpolate(masks[..., : seen[0], : seen[1]], (height, width), mode="bilinear", align_corners=False)
        scores = found.iou_scores[0, :, 0].float().cpu().numpy()
        return (masks[:, 0] > 0).cpu().numpy(), scores

    def _pixels(self, image: np.ndarray, seen: tuple[int, int], side: int) -> Float[np.ndarray, "1 3 side side"]:
        from PIL import Image

        resized = Image.fromarray(image).resize((seen[1], seen[0]), Image.Resampling.BILINEAR)
        values = (np.asarray(resized, np.float32) / 255 - self._mean) / self._deviation
        pixels = np.zeros((1, 3, side, side), np.float32)
        pixels[0, :, : seen[0], : seen[1]] = values.transpose(2, 0, 1)
        return pixels

    def _load(self) -> None:
        if self._network is not None:
            return
        folder, (kind,) = self._found("AutoModelForMaskGeneration")
        try:
            self._network = self._opened(kind, folder)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{folder} is no network that takes boxes to masks, such as SAM ({reason})") from error
        self._mean, self._deviation = _normalisation(folder)


def _normalisation(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of colours, from the folder's processor."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            content = json.loads((folder / name).read_text())
            content = content.get("image_processor", content)
            if "image_mean" in content and "image_std" in content:
                return np.array(content["image_mean"], np.float32), np.array(content["image_std"], np.float32)
    return np.array(MEAN, np.float32), np.array(DEVIATION, np.float32)


def _scaled(
    places: Float[np.ndarray, "objects n 2"], image: np.ndarray, seen: tuple[int, int]
) -> Float[np.ndarray, "objects n 2"]:
    """Pixel positions in the picture that the network sees."""
    factor = np.array([seen[1] / image.shape[1], seen[0] / image.shape[0]])
    return (places * factor).astype(np.float32)
