"""Paths as text and on the disk, shared by the kinds that have them."""
