"""`o2recon annotate`: a local page to paint where the hidden part of one object should be."""

from o2recon.web.annotator.choice import choose_views
from o2recon.web.annotator.server import Annotator
from o2recon.web.annotator.session import Session

__all__ = ["Annotator", "Session", "choose_views"]
