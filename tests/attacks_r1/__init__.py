"""Attacks of the first red team on what issue 5 brought: each test fails while its hole is open."""
