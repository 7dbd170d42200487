"""The MCP gate."""
