"""Stage 6: the crate becomes a link, by the delivery engine."""

from __future__ import annotations

from simcrate.delivery import Announce, DeliveryRecord, Ledger, OpenBackend, deliver
from simcrate.pipeline.watch import Watch

STAGE = "upload"


def upload(
    ledger: Ledger, open_backend: OpenBackend, announce: Announce, watch: Watch
) -> DeliveryRecord:
    """Take the delivery as far as it goes now; see `simcrate.delivery.deliver`.

    Raises:
        WorkEndedError: the lease is lost, or the worker ends; the ledger says how far it came.
    """
    size_bytes = ledger.read().source.size_bytes or 1

    def show(sent_bytes: int) -> None:
        watch.raise_if_stopped()
        watch.show_stage(STAGE, 100 * sent_bytes / size_bytes)

    return deliver(ledger, open_backend, announce, progress=show)
