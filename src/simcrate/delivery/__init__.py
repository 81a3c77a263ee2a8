"""Deliveries: the ledger protocol and the engine that takes a crate to its end."""

from simcrate.delivery.engine import Patience, deliver
from simcrate.delivery.ledger import DeliveryRecord, DeliveryState, Ledger

__all__ = ["DeliveryRecord", "DeliveryState", "Ledger", "Patience", "deliver"]
