"""Pages in the browser: the viewer of a study. viser is imported only in this folder, and only when a page opens."""

from o2recon.web.viewer import Viewer

__all__ = ["Viewer"]
