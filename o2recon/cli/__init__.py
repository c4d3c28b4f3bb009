"""The command `o2recon STAGE [overrides]` and the same chain from Python; the only place that composes configs."""
