"""Core: what becomes of a message, without any I/O.

    session = Session("fs", catalogue)
    verdict = session.client(message, context)        # what a client sent
    verdict = session.server(message)                 # what the server sent
    verdict = session.allowed(hold, arguments, ticket)  # the gate decided about a held call
    verdict = session.refused(hold, words)

The shells (`gate.mcp.stdio`, `gate.mcp.http`) read messages with `gate.mcp.wire`, ask the gate about what is held (`gate.mcp.behind`), and write what
a verdict says.  One session is one connection: ids in flight, progress tokens, subscriptions and tasks belong to it.
"""
