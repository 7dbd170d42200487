"""The same call through other people's gates: add(a, b) with one constraint on an argument. Those that are not installed are left out.

A peer is measured only after it has refused a=500 and let a=5 through.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Add = Callable[[int, int], Any]

AGT_POLICY = """
apiVersion: governance.toolkit/v1
name: p
default_action: allow
rules:
  - name: cap
    condition: "a.value >= 100"
    action: deny
"""
AEGIS_POLICY = """
name: p
version: 1
effects: [compute]
budget: {usd: 100000, tokens: 1000000, wall_clock_s: 100000, tool_calls: 100000000}
tools:
  allow:
    - name: math.add
      args: {a: {max_value: 99}, b: {max_value: 1000000}}
"""
CEDAR_POLICY = 'permit(principal, action == Action::"add", resource) when { context.a < 100 };'


class Peer(NamedTuple):
    """A peer's gated add, without and with its own audit log."""

    name: str
    plain: Add | None
    audited: Add | None


def peers(folder: Path) -> list[Peer]:
    """Every peer that is installed and works."""
    logging.disable(logging.CRITICAL)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, make in _PEERS.items():
            if importlib.util.find_spec(module) is not None:
                peer = make(folder)
                for gated in (peer.plain, peer.audited):
                    if gated is not None:
                        _check(peer.name, gated)
                found.append(peer)
    return found


def add(a: int, b: int) -> int:
    """The bare tool."""
    return a + b


def _check(name: str, gated: Add) -> None:
    assert gated(5, 7) == 12, f"{name} does not work here"
    try:
        gated(500, 7)
    except Exception:  # noqa: BLE001  # each peer refuses in its own way
        return
    raise AssertionError(f"{name} lets a=500 through, so it is no baseline")


def _cedar(folder: Path) -> Peer:
    del folder
    import cedarpy

    policies = cedarpy.PolicySet.from_str(CEDAR_POLICY) if hasattr(cedarpy, "PolicySet") else CEDAR_POLICY

    def gated(a: int, b: int) -> int:
        request = {"principal": 'Agent::"x"', "action": 'Action::"add"', "resource": 'Tool::"add"', "context": {"a": a, "b": b}}
        if cedarpy.is_authorized(request, policies, []).decision != cedarpy.Decision.Allow:
            raise PermissionError
        return add(a, b)

    return Peer("cedarpy, pre-parsed", gated, None)


def _agt(folder: Path) -> Peer:
    del folder
    from agentmesh.governance import govern

    plain, audited = govern(add, policy=AGT_POLICY, audit=False), govern(add, policy=AGT_POLICY)
    return Peer("AGT govern 5.0.0", lambda a, b: plain(a=a, b=b), lambda a, b: audited(a=a, b=b))


def _toolwarden(folder: Path) -> Peer:
    from toolwarden import Allow, Deny, Gate, policy
    from toolwarden.facts import FactKey, Unavailable
    from toolwarden.normalize import normalizer

    key = FactKey("add_a")

    @normalizer("norm", tools=("add",), provides=(key,))
    def norm(call: Any) -> Any:
        a = call.args.get("a")
        return {key: a if type(a) is int else Unavailable("add_a", "not an int")}

    @policy("cap", tools=("add",), needs=(key,))
    def cap(facts: Any) -> Any:
        return Allow() if facts[key] < 100 else Deny("a>=100")

    file = (folder / "toolwarden.jsonl").open("a", buffering=1)

    def sink(call: Any, decision: Any) -> None:
        del call
        file.write(decision.record_line(ts="2026-01-01T00:00:00Z") + "\n")

    def gated(on_decision: Any) -> Add:
        gate = Gate(policies=[cap], normalizers=[norm], tools=("add",), on_decision=on_decision)
        wrapped = gate.wrap({"add": add}, principal={"agent": "x"})["add"]
        return lambda a, b: wrapped(a=a, b=b)

    return Peer("toolwarden 0.1.0", gated(None), gated(sink))


def _aegis(folder: Path) -> Peer:
    from aegis import ToolRegistry, build_kernel, load_policy
    from aegis.audit import AuditLog

    policy_file = folder / "aegis.yaml"
    policy_file.write_text(AEGIS_POLICY)

    def gated(path: Path | None) -> Add:
        registry = ToolRegistry()
        registry.tool("math.add", effects={"compute"}, classification="public")(add)
        kernel, root = build_kernel(load_policy(str(policy_file)), registry)
        if path:
            kernel.audit = AuditLog(str(path))
        return lambda a, b: kernel.invoke(root, "math.add", a=a, b=b)

    return Peer("aegis-kernel 0.6.0", gated(None), gated(folder / "aegis.jsonl"))


_PEERS: dict[str, Callable[[Path], Peer]] = {"cedarpy": _cedar, "agentmesh": _agt, "toolwarden": _toolwarden, "aegis": _aegis}


if __name__ == "__main__":
    print(json.dumps([peer.name for peer in peers(Path())]))
