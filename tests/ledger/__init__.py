"""The ledger: exactly once, never overspent, written before done, refused when it cannot be written; for threads, tasks and processes."""
