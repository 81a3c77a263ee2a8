"""Deliveries: the ledger protocol, the engine that takes a crate to its end, and retention."""

from simcrate.delivery.engine import (
    LINK_GRACE,
    Announce,
    OpenBackend,
    Patience,
    deliver,
    link_policy,
    settle,
)
from simcrate.delivery.fileledger import FileLedger, open_ledger
from simcrate.delivery.ledger import DeliveryRecord, DeliveryState, Ledger, Origin
from simcrate.delivery.reminder import Reminder
from simcrate.delivery.retention import (
    Expired,
    Known,
    OpenStorage,
    Removal,
    RetentionLedger,
    find_orphans,
    sweep,
)

__all__ = [
    "LINK_GRACE",
    "Announce",
    "DeliveryRecord",
    "DeliveryState",
    "Expired",
    "FileLedger",
    "Known",
    "Ledger",
    "OpenBackend",
    "OpenStorage",
    "Origin",
    "Patience",
    "Reminder",
    "Removal",
    "RetentionLedger",
    "deliver",
    "find_orphans",
    "link_policy",
    "open_ledger",
    "settle",
    "sweep",
]
