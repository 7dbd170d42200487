"""Agents: Gate in the frameworks people write agents with. One file each; none is imported before its framework is asked for.

    from gate.agents.langchain import GateMiddleware
    from gate.agents.openai_agents import guard

Every adapter is the same four steps around `gate.agents.around`: read the framework's call, find who acts, run the framework's own way of
running the tool as the gate allows, say a refusal in the framework's own form.  `gate.agents.conformance` shows that they do.
"""
