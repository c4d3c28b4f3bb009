"""Rays + field -> colour, distance, normal, opacity; knows no network class."""

from o2recon.render.alpha import log_survival, section_alpha, section_weights
from o2recon.render.neus import NeusRenderer, annealed_cosine
from o2recon.render.renderer import Field, Renderer

__all__ = [
    "Field",
    "NeusRenderer",
    "Renderer",
    "annealed_cosine",
    "log_survival",
    "section_alpha",
    "section_weights",
]
