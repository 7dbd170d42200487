"""References to secrets: their syntax, who fills them in, and how values are taken out of what comes back."""
