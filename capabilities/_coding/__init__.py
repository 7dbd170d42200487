"""The tools of coding agents, in parts: where a call acts, the kinds of its arguments, the tables."""
