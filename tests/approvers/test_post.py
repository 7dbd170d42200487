"""A receiver that is down, slow, too much, or that sends us elsewhere."""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler

import pytest

from gate.approvers.post import MOST, Undelivered, post
from tests.approvers.receivers import Got, answer, receiver


def told(url: str, seconds: float = 5.0) -> int:
    return post(url, b"{}", dict, pace=0.01, seconds=seconds).status


def test_it_is_tried_again_after_429_and_5xx() -> None:
    with receiver(answer(503), answer(429, retry_after="0"), answer(204)) as each:
        assert told(each.url) == 204
        assert [got.body for got in each.got] == [b"{}"] * 3


def test_retry_after_is_waited_for() -> None:
    with receiver(answer(429, retry_after="1"), answer(200)) as each:
        began = time.monotonic()
        assert told(each.url) == 200
        assert time.monotonic() - began >= 1.0


def test_one_that_asks_for_a_long_wait_is_left_for_later() -> None:
    with receiver(answer(429, retry_after="3600")) as each, pytest.raises(Undelivered, match="answered 429"):
        told(each.url)
    assert len(each.got) == 1


def test_one_that_fails_for_good_is_tried_four_times_and_one_that_says_no_once() -> None:
    with receiver(answer(500)) as each, pytest.raises(Undelivered, match="answered 500"):
        told(each.url)
    assert len(each.got) == 4
    with receiver(answer(410)) as each, pytest.raises(Undelivered, match="answered 410"):
        told(each.url)
    assert len(each.got) == 1


def test_one_that_is_down() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Undelivered, match="cannot be reached") as caught:
        told(f"http://127.0.0.1:{port}/secret-path")
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_the_metadata_address_is_not_followed(status: int) -> None:
    with receiver() as other, receiver(answer(status, location=f"{other.url}/latest/meta-data/")) as each:
        with pytest.raises(Undelivered, match="redirect, which is not followed"):
            told(each.url)
        assert len(each.got) == 1 and not other.got


def test_one_that_answers_with_ten_gigabytes_is_cut_off() -> None:
    written = 0

    def flood(handler: BaseHTTPRequestHandler, _: Got) -> None:
        nonlocal written
        handler.send_response(200)
        handler.send_header("content-length", str(10 * 2**30))
        handler.end_headers()
        while True:
            written += handler.wfile.write(b"x" * 65536)

    with receiver(flood) as each, pytest.raises(Undelivered, match="more than 64 KiB"):
        told(each.url)
    assert written < 64 * 2**20 and MOST == 65536


def test_compressed_bytes_stay_compressed() -> None:
    import gzip

    bomb = gzip.compress(b"\0" * 10_000_000)
    assert len(bomb) < MOST
    with receiver(answer(200, bomb, content_encoding="gzip")) as each:
        assert post(each.url, b"{}", dict).body == bomb
        assert each.got[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("where", ["before", "headers", "body"])
def test_one_that_drips_takes_no_longer_than_its_time(where: str) -> None:
    def drip(handler: BaseHTTPRequestHandler, _: Got) -> None:
        if where == "before":
            time.sleep(30)
        handler.send_response(200)
        handler.flush_headers()
        for n in range(1000):
            handler.wfile.write(f"x-{n}: y\r\n".encode() if where == "headers" else b"\r\n\r\n" if not n else b"x")
            time.sleep(0.02)

    with receiver(drip) as each:
        began = time.monotonic()
        with pytest.raises(Undelivered, match="took over"):
            told(each.url, seconds=0.2)
        assert time.monotonic() - began < 10  # four tries of 0.2 s, on a machine that is busy


@pytest.mark.parametrize("url", ["http://example.com/", "http://169.254.169.254/", "http://[::ffff:7f00:1%25x]/", "http://127.0.0.1.example/"])
def test_no_message_leaves_this_machine_unencrypted(url: str) -> None:
    with pytest.raises(Undelivered, match=r"only be told by https|cannot be reached"):
        told(url)


def test_each_try_has_its_own_headers() -> None:
    count = iter(range(10))
    with receiver(answer(500), answer(200)) as each:
        post(each.url, b"", lambda: {"x-n": str(next(count))}, pace=0.01)
        assert [got.headers["x-n"] for got in each.got] == ["0", "1"]


def test_what_is_for_this_machine_goes_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as each:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert told(each.url) == 200
        assert len(each.got) == 1 and not proxy.got
