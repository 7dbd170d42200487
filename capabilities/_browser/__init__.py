"""A page whose every request is made for it, and only where it may go."""
