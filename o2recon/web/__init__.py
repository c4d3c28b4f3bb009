"""Pages in the browser: the viewer of a study, the drawing of boxes.

viser is imported only in this folder, and only when a page opens.
"""

from o2recon.web.box_server import BoxDrawing
from o2recon.web.viewer import Viewer

__all__ = ["BoxDrawing", "Viewer"]
