"""The MCP gate: a relay between a client of the Model Context Protocol and one server, through which nothing passes unjudged.

    wire            one line is one message, strictly read, and always written anew
    core            message, who sent it, who acts → forward, reply, drop, or hold until the gate has decided; no I/O
    pins            the definitions somebody looked at, and what became of them
    behind          the server's tools as tools of a gate: declared, authorized, settled
    stdio, http     the shells: they read and write, and do what the core says

Both eras of the protocol are relayed as they are: the legacy one (`initialize`, up to 2025-11-25) and the modern one (2026-07-28, without state).
See docs/decisions/0011.
"""
