"""Vectors: published facts that other implementations can check themselves against."""
