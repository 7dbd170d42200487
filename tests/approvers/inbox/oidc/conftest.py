"""A real provider on loopback, and a page that signs people in there."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")


from tests.approvers.inbox.oidc.kit import ORIGIN
from tests.approvers.inbox.provider import FakeProvider
from tests.approvers.inbox.site import Site, served


@pytest.fixture(scope="module")
def running() -> Generator[tuple[FakeProvider, int]]:
    provider = FakeProvider()
    with served(provider.app) as port:
        yield provider, port


@pytest.fixture
def provider(running: tuple[FakeProvider, int]) -> FakeProvider:
    found, port = running
    found.reset()
    found.issuer = f"http://127.0.0.1:{port}"
    return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path, origin=ORIGIN, provider="Example")
    made.clock.now = time.time()
    return made
