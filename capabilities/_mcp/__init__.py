"""What the mcp kind needs: definitions of tools, and their pins."""
