"""One complete, closed, metric mesh per object from a room scan."""
