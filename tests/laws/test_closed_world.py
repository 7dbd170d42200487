"""Closed world: what nobody granted, named or can read is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate import ANY, BadCall, Gate, Range, TokenError
from tests.kit import denied, refusals, using
from tests.laws.kit import tool_of


class TestClosedWorld:
    """What nobody allowed is refused, and so is whatever cannot be told."""

    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            float("-inf"),
            True,
            False,
            10**400,
            -(10**400),
            2**53,
            None,
            "500",
            "abc",
            "nan",
            [50],
            {"value": 5},
            b"5",
            5.5,
            "5 ",
            "5_0",
            "５",
            object(),
        ],
        ids=lambda value: str(value)[:12],
    )
    @pytest.mark.parametrize("annotation", [int, Any], ids=["int", "any"])
    def test_an_amount_that_is_none_does_not_pass_a_maximum(self, gate: Gate, ran: list[Any], value: Any, annotation: Any) -> None:
        """NaN, booleans and huge integers pass the maxima of a dozen other gates."""
        gated = tool_of(gate, ran, annotation)
        with gate.acting(gate.grant("agent-7", tools={"t": {"value": Range(min=0, max=99)}})):
            if annotation is Any and value == 5.5:
                gated(value)
                assert ran == [5.5]
                return
            denied(lambda: gated(value))
            denied(lambda: gate.call("t", {"value": value}))
            gated(99)
        assert ran == [99]
        assert len(refusals(gate)) == 2

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            ((), {}),
            ((), {"amount": 5}),
            (("bob",), {}),
            (("bob", 5, "more"), {}),
            (("bob", 5), {"to": "eve"}),
            (("bob", 5), {"extra": 1}),
            (("bob", 5), {"аmount": 500}),
            (("bob", 5), {"amount\u200b": 500}),
            (("bob",), {"Amount": 5}),
            (("bob", 500), {}),
            ((), {"to": "bob", "amount": 500}),
        ],
        ids=str,
    )
    def test_arguments_that_are_missing_surplus_doubled_or_look_alike(self, gate: Gate, ran: list[Any], args: Any, kwargs: Any) -> None:
        @gate.tool
        def pay(to: str, amount: int) -> None:
            ran.append((to, amount))

        with gate.acting(gate.grant("agent-7", tools={"pay": {"to": ANY, "amount": Range(max=10)}})):
            denied(lambda: pay(*args, **kwargs))
            if not args:
                denied(lambda: gate.call("pay", kwargs))
            pay("bob", 5)
        assert ran == [("bob", 5)]

    @pytest.mark.parametrize(
        "name",
        [
            "pаy",
            "pay\u200b",
            "\u202epay",
            "Pay",
            "PAY",
            " pay",
            "pay ",
            "pay\n",
            "pay\x00",
            "",
            "ｐａｙ",
            "pay.pay",
            "payy",
            None,
            5,
            b"pay",
            ("pay",),
        ],
        ids=ascii,
    )
    def test_a_tool_name_that_is_another(self, gate: Gate, ran: list[Any], name: Any) -> None:
        gate.wrap(lambda eur: ran.append(eur), name="pay")
        with gate.acting(gate.grant("agent-7", tools={"pay": ANY, "*": ANY})):
            with pytest.raises(BadCall, match="there is no tool"):
                gate.call(name, {"eur": 5})
            gate.call("pay", {"eur": 5})
        assert ran == [5]
        assert refusals(gate)[0].isascii(), "a look-alike is recorded so that a person sees that it is one"

    def test_no_capability_no_grant_no_argument(self, gate: Gate, ran: list[Any]) -> None:
        gated, other = tool_of(gate, ran), tool_of(gate, ran, name="other")
        denied(lambda: gated(1), "no capability")
        with gate.acting(gate.grant("agent-7", tools={"other": ANY})):
            denied(lambda: gated(1), "'t'")
        with gate.acting(gate.grant("agent-7", tools={"t": {"something": ANY}, "other": {"value": 1}})):
            denied(lambda: gated(1))
            denied(lambda: other(2))
            other(1)
        assert ran == [1]

    def test_a_constraint_nobody_here_knows_admits_nothing(self, gate: Gate, ran: list[Any]) -> None:
        from gate import token

        gated = tool_of(gate, ran)
        home = gate.home
        strange = {"t": {"value": ANY}}
        made = token.grant(home.keys, agent="agent-7", tools=strange, expires=home.now() + 60, now=home.now(), audience=home.origin)
        head, body, _ = json.loads(made)["aat_chain"][0].split(".")
        from base64 import urlsafe_b64decode

        claims = json.loads(urlsafe_b64decode(body + "=="))
        claims["authorization_details"][0]["tools"]["t"]["value"] = {"constraint_type": "from-the-future", "value": 1}
        from gate.tokens import jose

        again = jose.sign(json.dumps(claims).encode(), home.keys.signing("issuer"), "aat+jwt")
        with pytest.raises(TokenError, match="from-the-future"), gate.acting(again):
            gated(1)
        assert ran == []
        assert head

    def test_surrogates_deep_and_endless_values(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        deep: Any = 1
        for _ in range(100):
            deep = [deep]
        endless: list[Any] = []
        endless.append(endless)
        with using(gate, "t"):
            for value in (
                "\ud800",
                {"\udfff": 1},
                deep,
                endless,
                {1: 2},
                {None: 1},
                {1, 2},
                float("nan"),
                [float("inf")],
                [10**400],
                lambda: 1,
                type,
            ):
                denied(lambda value=value: gated(value))
        assert ran == []
