"""The surface-normal-uncertainty network (Bae, Budvytis, Cipolla, ICCV 2021), inference of the variant `BN`.

Written from a description of the network; the published checkpoints load by their own keys.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from o2recon.models.efficientnet import EfficientNetB5

MIN_KAPPA = 0.01
HIDDEN = 128
"""Channels between the layers of the pixel-wise networks."""


class SnuNetwork(nn.Module):
    """RGB at mean 0 and deviation 1 -> unit normals and their concentration kappa > 0.01, at the image's resolution.

    Height and width must be multiples of 8. Axes of the normals: +x left, +y up, +z towards the camera, pointing out of
    the surface. Expected angular error in radians: 2 k / (k^2 + 1) + pi e^(-pi k) / (1 + e^(-pi k)).
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"original_model": EfficientNetB5()})
        self.decoder = Decoder()

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b h w"]]:
        found = self.decoder(self.encoder["original_model"](image))
        return found[:, :3], found[:, 3]


class Decoder(nn.Module):
    """From the encoder's maps to the prediction, coarse to fine.

    The prediction at 1/8 is a convolution's; at 1/4, 1/2 and 1 the same network at every pixel sees the map of the
    resolution before, doubled, and the prediction before, doubled and not normalised again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv2 = nn.Conv2d(2048, 2048, 1)
        self.up1 = UpSample(2048 + 176, 1024)
        self.up2 = UpSample(1024 + 64, 512)
        self.up3 = UpSample(512 + 40, 256)
        self.up4 = UpSample(256 + 24, 128)
        self.out_conv_res8 = nn.Conv2d(512, 4, 3, padding=1)
        self.out_conv_res4, self.out_conv_res2, self.out_conv_res1 = (_pixelwise(c + 4) for c in (512, 256, 128))

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "b 4 h w"]:
        s0, s1, s2, s3, s4 = maps
        d2 = self.up2(self.up1(self.conv2(s4), s3), s2)
        d3 = self.up3(d2, s1)
        d4 = self.up4(d3, s0)
        found = _activated(self.out_conv_res8(d2))
        for feature, head in ((d2, self.out_conv_res4), (d3, self.out_conv_res2), (d4, self.out_conv_res1)):
            height, width = feature.shape[-2:]
            joined = torch.cat([_resized(x, (2 * height, 2 * width)) for x in (feature, found)], 1)
            found = _activated(head(joined.flatten(2)).unflatten(2, (2 * height, 2 * width)))
        return found


class UpSample(nn.Module):
    """A map resized to a skip, joined with it, and convolved twice."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (channels_in, channels_out):
            layers += [nn.Conv2d(channels, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out), nn.LeakyReLU()]
        self._net = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c i j"], skip: Float[Tensor, "b s h w"]) -> Float[Tensor, "b d h w"]:
        return self._net(torch.cat([_resized(x, skip.shape[-2:]), skip], 1))


def load_state(network: SnuNetwork, file: Any) -> None:
    """Fill the network from what `torch.load` read. ValueError when the file holds another network.

    A checkpoint keeps the parameters under `model`; those saved from a data-parallel network start with `module.`.
    """
    state = file.get("model", file) if isinstance(file, dict) else {}
    state = {str(k).removeprefix("module."): v for k, v in state.items()}
    wanted = network.state_dict()
    wrong = [k for k in wanted if k not in state or state[k].shape != wanted[k].shape] + sorted(state.keys() - wanted)
    if wrong:
        raise ValueError(
            f"{len(wrong)} of its entries do not fit, such as '{wrong[0]}': surface-normal-uncertainty's variant BN is"
            " needed (scannet.pt, scannet_neuris_retrain.pt; nyu.pt is another variant)"
        )
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, assign=True)


def _pixelwise(channels: int) -> nn.Sequential:
    """The same small network at every pixel, stored as 1-D convolutions."""
    sizes = (channels, HIDDEN, HIDDEN, HIDDEN)
    hidden = [layer for c in sizes[:-1] for layer in (nn.Conv1d(c, HIDDEN, 1), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Conv1d(HIDDEN, 4, 1))


def _resized(x: Float[Tensor, "b c i j"], size: Any) -> Float[Tensor, "b c h w"]:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def _activated(raw: Float[Tensor, "b 4 h w"]) -> Float[Tensor, "b 4 h w"]:
    """Three channels at unit length, the fourth positive: ELU + 1 + 0.01."""
    direction, kappa = raw[:, :3], raw[:, 3:]
    normal = direction / (direction.norm(dim=1, keepdim=True) + 1e-10)
    return torch.cat([normal, F.elu(kappa) + 1 + MIN_KAPPA], 1)
