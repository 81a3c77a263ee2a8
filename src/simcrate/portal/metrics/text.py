"""The standing of the work as OpenMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from simcrate.openmetrics import family, page, sample
from simcrate.portal.metrics.standing import Standing, Workforce


def metrics_page(standing: Standing) -> str:
    """All numbers as one page; the reference of their names is `docs/reference/metrics.md`."""
    return page([*_work(standing), *_workers(standing.workforce), *_chores(standing)])


def _work(standing: Standing) -> Iterator[str]:
    name = "simcrate_runs"
    yield from family(name, "gauge", "Runs that have not ended.")
    yield from (sample(name, count, state=state) for state, count in standing.runs.items())
    yield from _age(
        "simcrate_oldest_queued_run_age",
        "Since the submission of the run that waits longest.",
        standing.oldest_queued,
    )
    yield from _number(
        "simcrate_simulations_to_finish",
        "Simulations whose runs have ended and that have no crate yet.",
        standing.to_finish,
    )
    name = "simcrate_deliveries"
    yield from family(name, "gauge", "Deliveries that are not done and have not failed.")
    yield from (sample(name, count, state=state) for state, count in standing.deliveries.items())
    yield from _age(
        "simcrate_oldest_undelivered_crate_age",
        "Since the packing of the crate that is on its way longest.",
        standing.oldest_undelivered,
    )
    yield from _number(
        "simcrate_failed_deliveries",
        "Failed deliveries whose crate is kept until somebody decides.",
        standing.failed_kept,
    )


def _workers(workforce: Workforce) -> Iterator[str]:
    yield from _number("simcrate_workers", "Workers alive.", workforce.workers)
    yield from _number("simcrate_workers_draining", "Workers that end soon.", workforce.draining)
    yield from _number("simcrate_workers_busy", "Workers with work at hand.", workforce.busy)
    yield from _number(
        "simcrate_workers_short_of_disk",
        "Workers that begin no runs for want of space.",
        workforce.short_of_disk,
    )
    yield from _number("simcrate_cores", "Cores of machines with workers.", workforce.cores)
    name = "simcrate_free_bytes"
    yield from family(name, "gauge", "Free bytes on the disk of a var directory.", "bytes")
    for machine, free_bytes in workforce.free_bytes.items():
        yield sample(name, free_bytes, machine=machine)


def _chores(standing: Standing) -> Iterator[str]:
    name = "simcrate_chore_overdue_seconds"
    yield from family(name, "gauge", "Since when a chore is due and not begun.", "seconds")
    for chore, overdue in standing.overdue_chores.items():
        yield sample(name, _seconds(overdue), chore=chore)


def _number(name: str, text: str, value: float) -> list[str]:
    return [*family(name, "gauge", text), sample(name, value)]


def _age(stem: str, text: str, age: timedelta) -> list[str]:
    name = f"{stem}_seconds"
    return [*family(name, "gauge", text, "seconds"), sample(name, _seconds(age))]


def _seconds(age: timedelta) -> float:
    return round(age.total_seconds(), 3)
