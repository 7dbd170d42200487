"""Log: what stands behind `gate.audit`: writing records, the Merkle tree, checkpoints, redaction, and comparing log and ledger."""
