"""The peers: what is installed for each, and in which way it checks an argument. One adapter each, in `adapters/`."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """A package that decides about tool calls."""

    package: str
    version: str
    adapter: str
    idiom: str
    python: tuple[int, int] = (3, 9)

    @property
    def title(self) -> str:
        """As tables name it."""
        return f"{self.package} {self.version}"


PEERS = (
    Peer("warden-security", "7.0.0", "peer_warden", "its path and URL checks, JSON Schema; no shell tool by design"),
    Peer("aegisguard", "0.2.1", "peer_aegisguard", "`@guard(file_read=, network=, shell=)` as in its README"),
    Peer("agentgate-firewall", "0.14.0", "peer_agentgate", "`file_regex`, `command_regex`, its domain list, `when`", (3, 12)),
    Peer("toolgate-io", "0.5.0", "peer_toolgate", "policy core: `matches`, `gte`, `lte`, `in`", (3, 12)),
    Peer("tollgate", "1.4.0", "peer_tollgate", "its JSON Schema subset with patterns, URL globs, NetworkGuard"),
    Peer("gatehouse-ai", "0.1.0", "peer_gatehouse", "`params`: `pattern`, `min`, `max`, `allowed`"),
    Peer("aegis-kernel", "0.6.0", "peer_aegis_kernel", "`args`: `prefix` with `forbid_matches`, `matches`, `max_value`, `one_of`"),
    Peer("toolwarden", "0.1.0", "peer_toolwarden", "typed facts; the user writes the parsing, so numbers and names only"),
    Peer("agent-governance-toolkit-core", "5.0.0", "peer_agt", "`govern()` with allow rules, `EgressPolicy`"),
    Peer("agent-authority", "0.1.6", "peer_agent_authority", "capabilities such as `read:file/x`, `use:cpu<=60`"),
    Peer("invariant-ai", "0.3.5", "peer_invariant", "rules that raise: `not match(pattern, …)`, comparisons"),
    Peer("portcullis", "0.1.0", "peer_portcullis", "tool names only"),
    Peer("actenon-permit", "1.4.0", "peer_actenon", "scopes: tool names only"),
    Peer("capguard", "0.1.6", "peer_capguard", "`path_whitelist`, which it knows for `read_file` only; tool names"),
    Peer("cedarpy", "4.8.4", "peer_cedar", "Cedar policies with `like` and comparisons, a closed schema"),
)
