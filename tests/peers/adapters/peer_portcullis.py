"""portcullis: tools registered by reversibility and blast radius. It looks at names, not at arguments."""

from _serve import serve, stub
from portcullis import ActionDenied, BlastRadius, GovernanceEngine, Policy, Reversibility

OFFERS = {"name"}


def build(policy, ground):
    engine = GovernanceEngine(Policy().register(policy["tool"], Reversibility.REVERSIBLE, BlastRadius.LOW))
    ran = []

    def asked(tool, args):
        ran.clear()
        try:
            engine.guard(tool, stub(ran), **args)
        except ActionDenied:
            return "refused"
        return "allowed" if ran else "refused"

    return asked


serve(OFFERS, build)
