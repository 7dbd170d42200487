"""Starting programs without a shell, watching what the whole group of processes uses, and ending it."""
