"""How large will the crate be?  By what earlier crates of the same owner took for each run.

A guess that is honest about where it comes from: only simulations of the same config count, those with the
same parts first.  Where all had more parts than are asked for now, it is a bound; where there is none,
nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from statistics import fmean

from django.db.models import Count, OuterRef, Subquery
from django.template.defaultfilters import filesizeformat

from simcrate.crate import Choice
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation

EARLIER_AT_MOST = 5
"""The newest count; what a config records changes as its author works on it."""

LOOKED_AT = 50  # simulations, to find some with the same parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What somebody is about to submit, as far as sizes depend on it."""

    owner: User
    simulator: str
    ini_name: str
    config: str
    run_count: int
    left_out: Collection[Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSize:
    """A guess and its grounds."""

    size_bytes: int
    earlier_count: int
    """How many earlier simulations it comes from, at least 1."""
    is_bound: bool
    """They had parts that are left out now: it will be smaller."""

    def __str__(self) -> str:
        size = filesizeformat(self.size_bytes).replace("\xa0", " ")
        crates = "the crate" if self.earlier_count == 1 else f"{self.earlier_count} crates"
        earlier = f"by {crates} of this config that you had earlier"
        return (
            f"less than {size}, {earlier} with more parts"
            if self.is_bound
            else f"about {size}, {earlier}"
        )


def expected_size(plan: Plan) -> ExpectedSize | None:
    """What the crate will take if its runs are like earlier ones; None: there are none."""
    wanted = set(plan.left_out)
    earlier = _earlier(plan)
    alike = [crate for crate in earlier if crate.left_out == wanted]
    larger = [crate for crate in earlier if crate.left_out < wanted]
    chosen = (alike or larger)[:EARLIER_AT_MOST]
    if not chosen:
        return None
    return ExpectedSize(
        size_bytes=round(fmean(crate.run_bytes for crate in chosen) * plan.run_count),
        earlier_count=len(chosen),
        is_bound=not alike,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earlier:
    """The newest crate of an earlier simulation."""

    run_bytes: float
    """Of one run."""
    left_out: set[str]


def _earlier(plan: Plan) -> list[_Earlier]:
    """Those of the same config, newest first."""
    crates = Delivery.objects.filter(simulation=OuterRef("pk")).exclude(sha256="")
    rows = (
        Simulation.objects.filter(
            owner=plan.owner,
            simulator=plan.simulator,
            ini_name=plan.ini_name,
            config=plan.config,
            cancel_requested_at=None,
            packed_at__isnull=False,
        )
        .annotate(crate_bytes=Subquery(crates.values("size_bytes")[:1]), run_count=Count("runs"))
        .filter(crate_bytes__gt=0, run_count__gt=0)
        .order_by("-created_at")
        .values_list("crate_bytes", "run_count", "left_out")[:LOOKED_AT]
    )
    return [
        _Earlier(run_bytes=size / runs, left_out=set(left_out)) for size, runs, left_out in rows
    ]


def size_sentence(plan: Plan) -> str:
    """The same for people."""
    expected = expected_size(plan)
    if expected is None:
        return "not known yet, as you had no crate of this config with these parts"
    return str(expected)
