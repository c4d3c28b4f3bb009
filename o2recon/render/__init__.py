"""Rays + field -> colour, distance, normal, opacity; knows no network class."""

from o2recon.render.alpha import log_survival, section_alpha, section_weights
from o2recon.render.renderer import Field, Renderer

__all__ = ["Field", "Renderer", "log_survival", "section_alpha", "section_weights"]
