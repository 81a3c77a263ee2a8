"""How large will the crate be?  By what earlier crates of the same owner took for each run.

A guess that is honest about where it comes from: only simulations of the same config with the same parts
count, and where there is none, nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Subquery
from django.template.defaultfilters import filesizeformat

from simcrate.crate import Choice
from simcrate.portal.accounts.models import User
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.parts import as_column

EARLIER_AT_MOST = 5
"""The newest count; what a config records changes as its author works on it."""


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

    def __str__(self) -> str:
        size = filesizeformat(self.size_bytes).replace("\xa0", " ")
        if self.earlier_count == 1:
            return f"about {size}, as the crate of an earlier simulation of this config had"
        return f"about {size}, as the crates of {self.earlier_count} earlier simulations of this config had"


def expected_size(plan: Plan) -> ExpectedSize | None:
    """What the crate will take if its runs are like earlier ones; None: there are none."""
    crates = Delivery.objects.filter(simulation=OuterRef("pk")).exclude(sha256="")
    earlier = list(
        Simulation.objects.filter(
            owner=plan.owner,
            simulator=plan.simulator,
            ini_name=plan.ini_name,
            config=plan.config,
            left_out=as_column(plan.left_out),
            cancel_requested_at=None,
        )
        .annotate(crate_bytes=Subquery(crates.values("size_bytes")[:1]), run_count=Count("runs"))
        .filter(crate_bytes__gt=0, run_count__gt=0)
        .order_by("-created_at")
        .values_list("crate_bytes", "run_count")[:EARLIER_AT_MOST]
    )
    if not earlier:
        return None
    per_run = sum(size / runs for size, runs in earlier) / len(earlier)
    return ExpectedSize(size_bytes=round(per_run * plan.run_count), earlier_count=len(earlier))


def size_sentence(plan: Plan) -> str:
    """The same for people."""
    expected = expected_size(plan)
    if expected is None:
        return "not known yet, as no earlier simulation of this config was packed with these parts"
    return str(expected)
