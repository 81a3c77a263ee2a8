"""Deliveries: the ledger's rows, permalinks."""
