"""Object ids whose outlines bleed or fall short by a few pixels, corrected by what the frames say together."""

from o2recon.outlines.scene import OutlinedScene, Source, Voted
from o2recon.outlines.votes import IdVotes, corrected, grown, outline_distance

__all__ = ["IdVotes", "OutlinedScene", "Source", "Voted", "corrected", "grown", "outline_distance"]
