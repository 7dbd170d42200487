"""Conformance: what an adapter must do, shown with the framework itself and a scripted model. For our adapters, and for yours.

A harness tells how to run a scripted agent in one framework; the scenarios say what is run and what must come of it:

    class Mine(Harness):
        framework = "my-framework"

        def run(self, stage: Stage) -> Ran: ...

    python -m gate.agents.conformance my_package.harness:Mine          # a line per scenario, exit 1 when one fails

`stage.tools` are bare Python functions, to be made the framework's own tools and put behind the adapter as its users would.  `stage.turns` is
what the scripted model says: each turn some tool calls; when they are used up it says "done".  `Ran.seen` is what the model was told about each.
With `stage.gate` None the tools are run bare, to compare with.
"""

from gate.agents.conformance.harness import Harness, Ran, Seen, Stage, Sub, Use
from gate.agents.conformance.scenarios import SCENARIOS, check

__all__ = ["SCENARIOS", "Harness", "Ran", "Seen", "Stage", "Sub", "Use", "check"]
