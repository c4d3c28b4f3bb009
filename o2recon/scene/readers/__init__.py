"""Readers: one layout of captures each, from its files to a Capture."""
