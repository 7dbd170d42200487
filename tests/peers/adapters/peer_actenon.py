"""actenon-permit: a grant's scopes. It limits tool names, money and rates; arguments have no constraints beyond an approval above an amount."""

import os

from _serve import serve

os.environ["ACTENON_SIGNING_KEY"] = "k" * 32

from datetime import UTC, datetime, timedelta

from actenon_permit.ledger import Ledger
from actenon_permit.model import Action, Budget, Grant, Rate, Scopes
from actenon_permit.pdp import PDP
from actenon_permit.state import SQLiteStore

OFFERS = {"name"}


def build(policy, ground):
    store = SQLiteStore(ground.write("", ".db"))
    pdp = PDP(store, Ledger(store))
    grant = Grant(
        agent_id="x",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        scopes=Scopes(allow=[policy["tool"]], deny=[]),
        budget=Budget(limit=10**9, remaining=10**9),
        rate=Rate(),
        approval_rules=[],
    ).sign()
    store.put_grant(grant)
    said = {"ALLOW": "allowed", "REQUIRE_APPROVAL": "asked"}
    return lambda tool, args: said.get(pdp.decide(grant, Action(grant_id=grant.id, type=tool)).outcome.value, "refused")


serve(OFFERS, build)
