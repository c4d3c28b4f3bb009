"""One complete, closed, metric mesh per object from a room scan."""

from typing import Any

__all__ = ["reconstruct"]


def __getattr__(name: str) -> Any:
    """Load what the package offers when it is asked for: importing a shared record must not load Hydra and torch."""
    if name == "reconstruct":
        from o2recon.cli.python import reconstruct

        return reconstruct
    raise AttributeError(f"module 'o2recon' has no attribute '{name}'")
