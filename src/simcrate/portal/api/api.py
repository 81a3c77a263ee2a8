"""The API, version 1: storage backends, simulations, their runs; submit and cancel.

Everything goes through the same services and queries as the pages.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import File, Form, NinjaAPI, Query, Schema, Status, UploadedFile
from ninja.errors import HttpError
from pydantic import Field

import simcrate
from simcrate.pipeline.jobs import RunState
from simcrate.portal.accounts.models import User
from simcrate.portal.api.auth import AUTH
from simcrate.portal.api.problems import describe_problems
from simcrate.portal.api.schemas import (
    LimitsOut,
    LogOut,
    RunOut,
    SimulationOut,
    SimulationPage,
    SimulatorOut,
    StorageBackendOut,
    SubmittedOut,
)
from simcrate.portal.deliveries.api import router as deliveries_router
from simcrate.portal.limits.queries import limits_of
from simcrate.portal.simulations.credentials import credential_warnings
from simcrate.portal.simulations.drafts import find_ini, gather_files
from simcrate.portal.simulations.logs import log_after
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.simulations.queries import Overview, overview, overviews, visible_to
from simcrate.portal.simulations.repacking import repack_simulation
from simcrate.portal.simulations.services import (
    cancel_simulation,
    stop_simulation,
    submit_simulation,
)
from simcrate.portal.simulators.offers import list_offers
from simcrate.portal.storages.services import active_backends

MAX_PAGE = 200
MAX_OFFSET = 10**9  # more than anybody has; databases count no further than 2**63

api = NinjaAPI(
    title="SimCrate",
    version=simcrate.__version__,
    description="Run network simulations and deliver verified results.",
    auth=AUTH,
    docs_url=None,
    urls_namespace="api",
)
describe_problems(api)
api.add_router("", deliveries_router)


class SubmissionIn(Schema):
    """What is submitted beside the files."""

    config: str
    precision_s: str
    """Simulated seconds between rows of the resampled tables."""
    storage_backend_id: str
    fallback_storage_backend_id: str = ""
    """Where the crate goes when that one refuses it for good; empty: nowhere."""
    run_filter: str = ""
    title: str = ""
    ini: str = ""
    """Which file is the ini; empty: omnetpp.ini, or the only one ending in .ini."""
    notify_email: str = ""
    licence: str = ""
    """Empty: the administrator's default."""
    simulator: str = "oppsim"
    left_out: list[str] = []
    """Parts that the crate does without: `vectors`, `csv`, `parquet`, `figures`."""


class RepackIn(Schema):
    """How it is packed again."""

    left_out: list[str] = []
    """Parts that the new crate does without."""


@api.get("/storage-backends", response=list[StorageBackendOut])
def list_storage_backends(request: HttpRequest) -> list[StorageBackendOut]:  # noqa: ARG001
    """Storage backends that can be chosen."""
    return [StorageBackendOut.of(backend) for backend in active_backends()]


@api.get("/simulators", response=list[SimulatorOut])
def list_simulators(request: HttpRequest) -> list[SimulatorOut]:  # noqa: ARG001
    """Simulators, and why those cannot be chosen now that no worker has."""
    return [SimulatorOut.of(offer) for offer in list_offers()]


@api.get("/limits", response=LimitsOut)
def get_limits(request: HttpRequest) -> LimitsOut:
    """What one may use; 0 means unlimited."""
    return LimitsOut(**asdict(limits_of(_user(request))))


@api.get("/simulations", response=SimulationPage)
def list_simulations(
    request: HttpRequest,
    offset: Annotated[int, Query(), Field(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(), Field(ge=1, le=MAX_PAGE)] = 50,
) -> SimulationPage:
    """One's own simulations, newest first."""
    rows = visible_to(_user(request))
    seen = overviews(list(rows[offset : offset + limit]))
    items = [_out(request, each) for each in seen]
    return SimulationPage(items=items, count=rows.count())


@api.post("/simulations", response={201: SubmittedOut})
def submit(
    request: HttpRequest,
    response: HttpResponse,
    submission: Form[SubmissionIn],
    files: File[list[UploadedFile]],
) -> Status[SubmittedOut]:
    """Submit a simulation; its runs are queued when this answers."""
    given = gather_files((str(file.name), file.read()) for file in files)
    ini_name = submission.ini or find_ini(given)
    simulation = submit_simulation(
        owner=_user(request),
        ini_name=ini_name,
        files=given,
        config=submission.config,
        run_filter=submission.run_filter,
        precision_s=submission.precision_s,
        storage_id=submission.storage_backend_id,
        fallback_id=submission.fallback_storage_backend_id,
        title=submission.title,
        notify_email=submission.notify_email,
        licence=submission.licence,
        simulator=submission.simulator,
        left_out=submission.left_out,
    )
    out = _out(request, overview(_visible(request, simulation.pk)))
    response["Location"] = reverse("api:get_simulation", args=[simulation.pk])
    warnings = credential_warnings(ini_name, given)
    return Status(201, SubmittedOut(**out.model_dump(), warnings=warnings))


@api.get("/simulations/{uuid:simulation_id}", response=SimulationOut)
def get_simulation(request: HttpRequest, simulation_id: UUID) -> SimulationOut:
    """Where one simulation stands."""
    return _out(request, overview(_visible(request, simulation_id)))


@api.get("/simulations/{uuid:simulation_id}/runs", response=list[RunOut])
def list_runs(request: HttpRequest, simulation_id: UUID) -> list[RunOut]:
    """Its runs, by number."""
    rows = _visible(request, simulation_id).runs.defer("log_tail", "outcome")
    return [RunOut.of(run) for run in rows]


@api.get("/simulations/{uuid:simulation_id}/runs/{int:number}/log", response=LogOut)
def get_log(
    request: HttpRequest,
    simulation_id: UUID,
    number: int,
    after: Annotated[int, Query(), Field(ge=0)] = 0,
) -> LogOut:
    """What a run has printed after a cursor, as far as it is kept here."""
    run = get_object_or_404(_visible(request, simulation_id).runs, number=number)
    return LogOut.of(log_after(run, after), is_final=RunState(run.state).is_final)


@api.get("/simulations/{uuid:simulation_id}/summary", response=dict[str, Any])
def get_summary(request: HttpRequest, simulation_id: UUID) -> dict[str, Any]:
    """Its statistics, as packing left them; 404 until then."""
    summary = _visible(request, simulation_id).summary
    if summary is None:
        raise HttpError(404, "there are no statistics yet; ask again when the crate is packed")
    return dict(summary)


@api.post("/simulations/{uuid:simulation_id}/cancel", response={202: SimulationOut})
def cancel(request: HttpRequest, simulation_id: UUID) -> Status[SimulationOut]:
    """Ask for its end; what was recorded so far is still packed and delivered."""
    cancel_simulation(_visible(request, simulation_id), who=_user(request).get_username())
    return Status(202, _out(request, overview(_visible(request, simulation_id))))


@api.post("/simulations/{uuid:simulation_id}/stop", response={202: SimulationOut})
def stop(request: HttpRequest, simulation_id: UUID) -> Status[SimulationOut]:
    """End it here and keep what is there: a state of its own."""
    stop_simulation(_visible(request, simulation_id), who=_user(request).get_username())
    return Status(202, _out(request, overview(_visible(request, simulation_id))))


@api.post("/simulations/{uuid:simulation_id}/repack", response={202: SimulationOut})
def repack(
    request: HttpRequest, simulation_id: UUID, repacking: Form[RepackIn]
) -> Status[SimulationOut]:
    """Pack it again with other parts, without running anything, for one more delivery."""
    repack_simulation(_visible(request, simulation_id), left_out=repacking.left_out)
    return Status(202, _out(request, overview(_visible(request, simulation_id))))


def _user(request: HttpRequest) -> User:
    """Whoever the token or the session stands for."""
    user: User = request.auth  # type: ignore[attr-defined]  # set by ninja
    return user


def _visible(request: HttpRequest, simulation_id: UUID) -> Simulation:
    """Somebody else's simulation is not there."""
    return get_object_or_404(visible_to(_user(request)), pk=simulation_id)


def _out(request: HttpRequest, seen: Overview) -> SimulationOut:
    path = reverse("simulation", args=[seen.simulation.pk])
    return SimulationOut.of(seen, request.build_absolute_uri(path))
