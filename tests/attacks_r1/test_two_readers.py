"""Two readers of one call: where an agent's tool takes the folder from one argument and the gate judges by the other; and other gaps of words."""

from __future__ import annotations

import pytest

from gate import ANY, Gate
from gate.agents.around import Around, Sent
from gate.errors import Denied, NeedsApproval
from gate.mcp.results import secret_field


def test_a_plain_yes_of_a_framework_is_none_to_a_grave_question(gate: Gate) -> None:
    """`gate.ask`: from high risk on "nothing but the page and the terminal may take a yes"; over MCP that holds, in the adapters it does not."""
    made = Around(gate, capability=gate.grant("root", tools={"wipe": ANY}), session="s", answers="owner", tools={"wipe": {"risk": "critical"}})
    made.declare("wipe")
    ran: list[object] = []
    with pytest.raises(NeedsApproval) as asked:
        made.run(Sent("wipe", {"x": 1}, "c1"), ran.append)
    assert asked.value.question is not None and asked.value.question.grave
    with pytest.raises(Denied), made.answered(asked.value.question, True):
        made.run(Sent("wipe", {"x": 1}, "c1"), ran.append)
    assert not ran


@pytest.mark.parametrize("name", ["pwd", "otp", "p\u0430ssword", "pass\u200bword", "credit_card", "2fa_code", "passwort", "cvv2", "PIN2"])
def test_a_form_asks_for_no_secret_however_it_is_spelled(name: str) -> None:
    assert secret_field({"message": "Who are you?", "requestedSchema": {"properties": {name: {"type": "string"}}}})
