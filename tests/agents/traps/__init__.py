"""Traps: what gets around a careless gate in one framework. They run with the framework's harness, in its own environment."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from gate.errors import ConfigError


@contextmanager
def refused(words: str) -> Generator[None]:
    """What is set up inside is refused, in these words."""
    try:
        yield
    except ConfigError as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"nobody said '{words}'")
