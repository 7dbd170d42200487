"""Asking: a person's yes runs exactly the call they saw, once, if nothing has changed meanwhile."""
