"""Tokens: how capabilities, approvals and proofs are signed, chained and checked; `gate.token` is the format."""
