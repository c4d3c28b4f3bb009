"""Diffusion where it is possible in reasonable time, a classical painter elsewhere."""

from o2recon.inpaint.classical import Classical
from o2recon.inpaint.diffusion import Diffusion
from o2recon.inpaint.painter import Painter


class Preferred:
    """`diffusion` with its weights on this machine and a GPU, else `classical`. Settled by `on`.

    `obstacle` then says in one line why it is not diffusion; None when it is.
    """

    def __init__(self, *, diffusion: Diffusion, classical: Classical) -> None:
        self.diffusion, self.classical = diffusion, classical
        self.obstacle: str | None = None

    def on(self, device: str) -> Painter:
        """The painter that will run on `device`."""
        self.obstacle = self._obstacle(device)
        return self.diffusion.on(device) if self.obstacle is None else self.classical

    def _obstacle(self, device: str) -> str | None:
        pipeline = self.diffusion.pipeline
        if pipeline.obstacle is None and not device.startswith("cuda"):
            return f"{pipeline.model} is slow without a GPU (inpaint=diffusion uses it all the same)"
        return pipeline.obstacle
