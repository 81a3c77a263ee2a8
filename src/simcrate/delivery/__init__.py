"""Deliveries: the ledger protocol and the engine that takes a crate to its end."""

from simcrate.delivery.engine import Announce, OpenBackend, Patience, deliver
from simcrate.delivery.fileledger import FileLedger, open_ledger
from simcrate.delivery.ledger import DeliveryRecord, DeliveryState, Ledger

__all__ = [
    "Announce",
    "DeliveryRecord",
    "DeliveryState",
    "FileLedger",
    "Ledger",
    "OpenBackend",
    "Patience",
    "deliver",
    "open_ledger",
]
