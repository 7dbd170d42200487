"""Whoever answers DNS may lie, change their mind, or answer much: a request goes to an address that was checked, or nowhere."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capabilities import http
from capabilities._http.addresses import metadata, special
from capabilities._http.connect import AsyncPinnedBackend, Blocked, PinnedBackend
from tests.capabilities.sites import Script, Site, serving


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A site on loopback, which nobody may reach unless it is named as private."""
    with serving() as number:
        yield number


BAD = {
    "loopback": ["127.0.0.1"],
    "one of many": ["1.1.1.1", "8.8.8.8", "10.0.0.1"],
    "the last of many": [*["1.1.1.1"] * 63, "127.0.0.1"],
    "metadata": ["169.254.169.254"],
    "metadata of another cloud": ["100.100.100.200"],
    "wire server": ["168.63.129.16"],
    "metadata by IPv6": ["fd00:ec2::254"],
    "mapped": ["::ffff:127.0.0.1"],
    "mapped, in hex": ["::ffff:7f00:1"],
    "compatible": ["::127.0.0.1"],
    "translated": ["::ffff:0:127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1"],
    "local NAT64": ["64:ff9b:1::7f00:1"],
    "6to4": ["2002:7f00:1::"],
    "Teredo": ["2001:0:7f00:1::"],
    "ISATAP": ["fe80::5efe:7f00:1"],
    "link-local with a zone": ["fe80::1%lo"],
    "global with a zone": ["2606:4700::1%lo"],
    "site-local": ["fec0::1"],
    "unspecified": ["0.0.0.0", "::"],
    "no address at all": ["nonsense"],
    "another name": ["localhost"],
    "decimal": ["2130706433"],
    "short": ["127.1"],
    "octal": ["0177.0.0.1"],
    "empty text": [""],
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD.keys())
def test_a_name_that_leads_where_nobody_may_go_is_not_connected_to(answer: list[str], port: int) -> None:
    Site.seen.clear()
    tool: Any = http.tool(resolver=Script(evil_example=[answer]))
    with pytest.raises(ValueError, match="."):
        tool(f"http://evil.example:{port}/")
    with pytest.raises(ValueError, match="."):
        asyncio.run(AsyncPinnedBackend((), Script(evil_example=[answer])).connect_tcp("evil.example", port))
    assert Site.seen == []


def test_a_name_that_changes_its_mind_is_asked_once_for_a_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[tuple[str, int]] = []

    def noted(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address)
        raise OSError(111, "refused here, so that no test leaves loopback")

    monkeypatch.setattr(socket, "create_connection", noted)
    names = Script(rebind_example=[["1.1.1.1", "2606:4700:4700::1111"], ["127.0.0.1"]])
    tool: Any = http.tool(resolver=names)
    with pytest.raises(httpx.ConnectError):
        tool(f"http://rebind.example:{port}/")
    assert connected == [("1.1.1.1", port), ("2606:4700:4700::1111", port)] and names.asked == ["rebind.example"]
    with pytest.raises(Blocked, match=r"leads to 127\.0\.0\.1"):
        tool(f"http://rebind.example:{port}/")
    assert len(connected) == 2 and names.asked == ["rebind.example"] * 2


def test_a_thousand_addresses_are_not_tried_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda address, *_, **__: tried.append(address) or (_ for _ in ()).throw(OSError(111, "no")))
    tool: Any = http.tool(resolver=Script(many_example=[[f"1.1.{number // 250}.{number % 250 + 1}" for number in range(1000)]]))
    with pytest.raises(httpx.ConnectError):
        tool("http://many.example/")
    assert len(tried) == 4


def test_a_private_host_may_not_become_a_metadata_service(port: int) -> None:
    for answer in (["169.254.169.254"], ["127.0.0.1", "::ffff:169.254.169.254"], ["64:ff9b::a9fe:a9fe"], ["fd00:ec2::254"], ["100.100.100.200"]):
        with pytest.raises(Blocked, match="metadata"):
            PinnedBackend(["db.example"], Script(db_example=[answer])).checked("db.example", port)
    assert PinnedBackend(["db.example"], Script(db_example=[["127.0.0.1"]])).checked("db.example", port) == ["127.0.0.1"]
    assert PinnedBackend(["169.254.169.254"], lambda host, _: [host]).checked("169.254.169.254", port)  # named itself


def test_a_redirect_to_a_name_that_rebinds(port: int) -> None:
    Site.seen.clear()
    names = Script(site_example=[["127.0.0.1"]], rebind_example=[["127.0.0.1"]])
    tool: Any = http.tool(private=["site.example"], resolver=names, follow=http.hosts("*", "rebind.example", schemes="http", ports=port))
    for place in (f"http://rebind.example:{port}/", f"http://127.0.0.1:{port}/", f"http://[::1]:{port}/", f"http://2130706433:{port}/"):
        result = None
        with pytest.raises(ValueError, match=r"leads to|redirects to where"):
            result = tool(f"http://site.example:{port}/?to={place}")
            if result["location"]:  # not admitted, so not followed
                raise ValueError("redirects to where nobody asked")
    assert {seen[1].partition("=")[0] for seen in Site.seen} == {"/?to"}


def test_a_resolver_that_never_answers_or_answers_junk_is_an_error_and_no_connection() -> None:
    for bad in (lambda *_: [5], lambda *_: [None], lambda *_: 5, lambda *_: (_ for _ in ()).throw(UnicodeError("x"))):
        tool: Any = http.tool(resolver=bad)
        with pytest.raises((ValueError, TypeError)):
            tool("http://odd.example/")


# --- special addresses: the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and what came after it, as of 2025-10),
# the IPv4 and IPv6 multicast spaces, and what else carries or hides an address. Network, whether it is global by the registry.

REGISTRY = """
0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32
192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16
192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32 224.0.0.0/4 224.0.0.0/24 239.0.0.0/8
::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128
2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16
fc00::/7 fe80::/10 ff00::/8 fec0::/10 ::/96 ::ffff:0:0:0/96 3ffe::/16 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5 f800::/6
168.63.129.16/32 100.100.100.200/32 fd00:ec2::254/128 fd20:ce::254/128
""".split()


@pytest.mark.parametrize("network", REGISTRY)
def test_no_address_of_any_registered_range_is_public(network: str) -> None:
    import ipaddress
    import random

    found, chosen = ipaddress.ip_network(network), random.Random(network)
    size = found.num_addresses
    for offset in {0, 1 % size, size // 2, size - 1, *(chosen.randrange(size) for _ in range(200))}:
        assert special(str(found[offset])), found[offset]


@settings(max_examples=300, deadline=None)
@given(st.ip_addresses(v=4))
def test_no_form_that_carries_a_private_address_is_public(address: Any) -> None:
    high, low = int(address) >> 16, int(address) & 0xFFFF
    forms = [
        f"::ffff:{address}",
        f"::{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::",
    ]
    forms += [f"64:ff9b:1::{address}", f"fe80::5efe:{address}"]
    assert all(special(form) for form in forms)


def test_a_metadata_address_is_known_in_every_form_that_carries_it() -> None:
    assert all(
        map(metadata, ["169.254.169.254", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254"])
    )
    assert metadata("fd00:ec2::254%lo") and not metadata("1.1.1.1") and not metadata("2606:4700:4700::1111")


def test_requests_at_once_do_not_share_what_was_checked(port: int) -> None:
    names = Script(site_example=[["127.0.0.1"]], evil_example=[["127.0.0.1"]])
    tool: Any = http.tool(private=["site.example"], resolver=names)
    found: list[str] = []

    def ask(host: str) -> None:
        try:
            found.append(f"{host} {tool(f'http://{host}:{port}/')['status']}")
        except ValueError:
            found.append(f"{host} blocked")

    threads = [threading.Thread(target=ask, args=(host,)) for _ in range(8) for host in ("site.example", "evil.example")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(found)) == ["evil.example blocked", "site.example 200"] and len(found) == 16


# --- what an answer may do


def test_an_answer_that_is_packed_is_counted_as_it_unpacks(port: int) -> None:
    tool: Any = http.tool(private=["site.example"], resolver=Script(site_example=[["127.0.0.1"]]), largest=100_000)
    for how in ("gzip", "deflate", "raw"):
        assert tool(f"http://site.example:{port}/?pack={how}&n=90000")["text"] == "z" * 90_000
        with pytest.raises(ValueError, match="larger than 100000"):
            tool(f"http://site.example:{port}/?pack={how}&n=100000000"[:-2])
    with pytest.raises(ValueError, match="encoded as 'br'"):
        tool(f"http://site.example:{port}/?pack=br")
    for how in ("cut", "twice"):
        with pytest.raises(ValueError, match="does not end where"):
            tool(f"http://site.example:{port}/?pack={how}&n=900")
    with pytest.raises(ValueError, match="not encoded as it says"):
        tool(f"http://site.example:{port}/?pack=lie")


@pytest.mark.parametrize("where", ["head", "body"])
def test_an_answer_that_drips_ends_with_its_time(port: int, where: str) -> None:
    tool: Any = http.tool(private=["site.example"], resolver=Script(site_example=[["127.0.0.1"]]), seconds=0.3)
    with pytest.raises(httpx.ReadTimeout, match=r"longer|took|timed out"):
        tool(f"http://site.example:{port}/?drip={where}")
