"""Which IP addresses are public: everything that no special-purpose registry names.

IPv4: the IANA special-purpose registry (RFC 6890 and its updates), multicast, reserved space, and addresses that clouds give to their
metadata services.  IPv6: only global unicast, 2000::/3, without the ranges in it that are special or that carry an IPv4 address
(Teredo, 6to4): everything else, such as NAT64, mapped, compatible, site-local and link-local addresses, is outside 2000::/3 already.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

METADATA: Final = frozenset(
    map(
        ip_address,
        [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ],
    )
)
_IPV4: Final = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "reserved for AS112"),
        ("192.52.193.0/24", "reserved for AMT"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved for AS112"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_UNICAST: Final = IPv6Network("2000::/3")
_IPV6: Final = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "6to4, which carries an IPv4 address"),
        ("2620:4f:8000::/48", "reserved for AS112"),
        ("3fff::/20", "for documentation"),
        ("3ffe::/16", "of the former 6bone"),
    )
)


@lru_cache(maxsize=1024)
def special(text: str) -> str:
    """Why the address is not public, "" when it is; ValueError when `text` is no address."""
    address = ip_address(text)
    if address in METADATA:
        return "a metadata service's address"
    if isinstance(address, IPv4Address):
        return next((name for network, name in _IPV4 if address in network), "")
    if address not in _UNICAST or address.scope_id:
        return _outside(address)
    return next((name for network, name in _IPV6 if address in network), "")


def metadata(text: str) -> bool:
    """Whether the address is a metadata service's, or an IPv6 address that carries such a one; ValueError when it is no address."""
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address in METADATA
    teredo = address.teredo[1] if address.teredo else None
    low = IPv4Address(int(address) & 0xFFFFFFFF)  # mapped, compatible, translated (SIIT), NAT64
    return any(one in METADATA for one in (IPv6Address(int(address)), address.sixtofour, teredo, low))


def _outside(address: IPv6Address) -> str:
    if address.is_loopback:
        return "loopback"
    if address.is_link_local or address.is_site_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    return "private" if address in IPv6Network("fc00::/7") else "not global unicast"
