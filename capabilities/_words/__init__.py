"""What the words of a message do besides being read."""
