"""Surface normals by the network of O2-Recon's paper (SNU), as a callable from images to normal maps."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

logger = logging.getLogger(__name__)

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MULTIPLE = 8
"""The network's sides are multiples of this."""
HOMEPAGE = "github.com/baegwangbin/surface_normal_uncertainty"


class SurfaceNormalUncertainty:
    """Bae, Budvytis, Cipolla (ICCV 2021), variant BN, from a published checkpoint; nothing is downloaded.

    `checkpoint`: the file `scannet.pt` or NeuRIS' `scannet_neuris_retrain.pt`. `long_side`: pictures are scaled to this
    many pixels (their shape kept, up to multiples of 8). Normals come out in the network's axes, see `convention`.
    """

    convention = "snu"

    def __init__(self, *, checkpoint: str | None, long_side: int) -> None:
        if long_side < MULTIPLE:
            raise ValueError(f"cues.normal.maps.network.long_side is {long_side}: at least {MULTIPLE} is needed")
        self.checkpoint = None if checkpoint is None else Path(checkpoint).expanduser()
        self.long_side = long_side
        self._network: Any = None

    @property
    def obstacle(self) -> str | None:
        """Why it cannot run here, with what to do about it; None when it can."""
        if self.checkpoint is not None and self.checkpoint.is_file():
            return None
        found = "is not set" if self.checkpoint is None else f"'{self.checkpoint}' is no file"
        return (
            f"cues.normal.maps.network.checkpoint {found}: give the path of surface-normal-uncertainty's scannet.pt"
            f" ({HOMEPAGE} says where it is), or choose cues/normal=marigold or sensor"
        )

    @property
    def identity(self) -> str:
        """What decides a map beside the picture."""
        if self.checkpoint is None or not self.checkpoint.is_file():
            return "no checkpoint"
        facts = self.checkpoint.stat()
        digest = hashlib.sha256(f"{facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
        return f"{self.checkpoint.name}#{digest} at {self.long_side}"

    def __call__(
        self, images: Sequence[UInt8[np.ndarray, "height width 3"]], *, device: str
    ) -> list[Float[np.ndarray, "height width 3"]]:
        """Unit normals of pictures of one size. ValueError without a checkpoint, or for that of another network."""
        import torch

        self._load()
        network = self._network.to(device)
        height, width = images[0].shape[:2]
        batch = torch.stack([torch.from_numpy(self._prepared(i)) for i in images]).to(device)
        with torch.inference_mode(), _full_precision():
            normal = network(batch)[0]
            normal = torch.nn.functional.interpolate(normal, (height, width), mode="bilinear", align_corners=False)
            normal = torch.nn.functional.normalize(normal, dim=1)
        return list(normal.permute(0, 2, 3, 1).cpu().numpy())

    def release(self) -> None:
        """Free the GPU."""
        if self._network is not None:
            self._network.to("cpu")

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a picture has inside the network."""
        scale = self.long_side / max(height, width)
        rounded = (max(round(n * scale / MULTIPLE), 1) * MULTIPLE for n in (height, width))
        return next(rounded), next(rounded)

    def _prepared(self, image: UInt8[np.ndarray, "height width 3"]) -> Float[np.ndarray, "3 rows columns"]:
        """Resized as the original does: by Pillow, which averages when it shrinks, on 8-bit values."""
        from PIL import Image

        rows, columns = self.size(*image.shape[:2])
        small = np.asarray(Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR), np.float32)
        scaled = (small / 255 - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def _load(self) -> None:
        if self._network is not None:
            return
        if self.obstacle is not None:
            raise ValueError(self.obstacle)
        import torch

        from o2recon.models.snu_network import SnuNetwork, load_state

        assert self.checkpoint is not None
        try:
            file = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            with torch.device("meta"):
                network = SnuNetwork()
            load_state(network, file)
        except Exception as error:  # unpickling damaged files raises almost anything
            raise ValueError(f"{self.checkpoint} cannot be used: {error}") from error
        self._network = network.eval()
        logger.info("normal network: %s", self.checkpoint)


def _full_precision() -> Any:
    """Convolutions of 32 bits on a GPU too: TF32 would change normals in the third digit."""
    from torch.backends import cudnn

    return cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False)
