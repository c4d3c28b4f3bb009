"""EfficientNet-B5 in TensorFlow's flavour, as the backbone of dense prediction networks, with the keys of `timm`."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

NORM_EPS = 1e-3
STAGES = (
    # kernel, stride, channels out, blocks
    (3, 1, 24, 3),
    (3, 2, 40, 5),
    (5, 2, 64, 5),
    (3, 2, 128, 7),
    (5, 1, 176, 7),
    (5, 2, 304, 9),
    (3, 1, 512, 3),
)
"""Of B5 (Tan and Le, ICML 2019). The first stage is of separable blocks, the others of inverted residuals."""
STEM_CHANNELS, HEAD_CHANNELS = 48, 2048
EXPANSION = 6
TAPS = (0, 1, 2, 4)
"""Stages whose outputs are the skips: at 1/2, 1/4, 1/8 and 1/16 of the image."""


class SameConv2d(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's SAME: output size ceil(n / stride), odd pixel at the end."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, across = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        padded = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return super().forward(padded)


class SqueezeExcite(nn.Module):
    """Scales channels by a sigmoid of their spatial means."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, reduced, 1)
        self.conv_expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        mean = x.mean((2, 3), keepdim=True)
        return x * self.conv_expand(F.silu(self.conv_reduce(mean))).sigmoid()


class SeparableBlock(nn.Module):
    """Depthwise convolution, squeeze and excitation, 1x1 projection; its input is added where the shapes agree."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = SameConv2d(channels_in, channels_in, kernel, stride=stride, groups=channels_in)
        self.bn1 = nn.BatchNorm2d(channels_in, eps=NORM_EPS)
        self.se = SqueezeExcite(channels_in, channels_in // 4)
        self.conv_pw = SameConv2d(channels_in, channels_out, 1)
        self.bn2 = nn.BatchNorm2d(channels_out, eps=NORM_EPS)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        y = self.se(F.silu(self.bn1(self.conv_dw(x))))
        y = self.bn2(self.conv_pw(y))
        return x + y if self.residual else y


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, squeeze and excitation to a quarter of the block's input, projection."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = EXPANSION * channels_in
        self.conv_pw = SameConv2d(channels_in, wide, 1)
        self.bn1 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self.conv_dw = SameConv2d(wide, wide, kernel, stride=stride, groups=wide)
        self.bn2 = nn.BatchNorm2d(wide, eps=NORM_EPS)
        self.se = SqueezeExcite(wide, channels_in // 4)
        self.conv_pwl = SameConv2d(wide, channels_out, 1)
        self.bn3 = nn.BatchNorm2d(channels_out, eps=NORM_EPS)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        y = F.silu(self.bn1(self.conv_pw(x)))
        y = self.se(F.silu(self.bn2(self.conv_dw(y))))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.residual else y


class EfficientNetB5(nn.Module):
    """RGB at mean 0 and deviation 1 -> skips at 1/2, 1/4, 1/8, 1/16 and the raw output of the 1x1 head at 1/32.

    `bn2`, which a classifier applies after the head, has parameters in published checkpoints and is not applied.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv2d(3, STEM_CHANNELS, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS, eps=NORM_EPS)
        self.blocks = nn.Sequential(*_stages())
        self.conv_head = SameConv2d(STAGES[-1][2], HEAD_CHANNELS, 1)
        self.bn2 = nn.BatchNorm2d(HEAD_CHANNELS, eps=NORM_EPS)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        x = F.silu(self.bn1(self.conv_stem(image)))
        maps = []
        for stage in self.blocks:
            x = stage(x)
            maps.append(x)
        return [*(maps[i] for i in TAPS), self.conv_head(x)]


def _stages() -> list[nn.Sequential]:
    channels, stages = STEM_CHANNELS, []
    for n, (kernel, stride, out, count) in enumerate(STAGES):
        block = InvertedResidual if n else SeparableBlock
        first = block(channels, out, kernel, stride)
        stages.append(nn.Sequential(first, *(block(out, out, kernel, 1) for _ in range(count - 1))))
        channels = out
    return stages
