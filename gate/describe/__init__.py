"""Describe: from what an agent sent to the frozen arguments of a call, by the signature of the tool."""
