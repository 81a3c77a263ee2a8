"""Crates: the zip that a user gets and keeps, packed, inspected and verified."""

from __future__ import annotations

from simcrate.crate.bag import write_bag
from simcrate.crate.contents import CrateContents, Member, Refused, gather
from simcrate.crate.credentials import SuspectedCredential, find_credentials
from simcrate.crate.faults import Fault, FaultKind, Verification
from simcrate.crate.inspection import Inspection, Listed, inspect_crate
from simcrate.crate.layout import LAYOUT, Choice, Role
from simcrate.crate.names import crate_name, original_name
from simcrate.crate.pack import PackedCrate, pack_crate
from simcrate.crate.provenance import Event, Provenance, RunRecord
from simcrate.crate.verify import verify_crate

__all__ = [
    "LAYOUT",
    "Choice",
    "CrateContents",
    "Event",
    "Fault",
    "FaultKind",
    "Inspection",
    "Listed",
    "Member",
    "PackedCrate",
    "Provenance",
    "Refused",
    "Role",
    "RunRecord",
    "SuspectedCredential",
    "Verification",
    "crate_name",
    "find_credentials",
    "gather",
    "inspect_crate",
    "original_name",
    "pack_crate",
    "verify_crate",
    "write_bag",
]
