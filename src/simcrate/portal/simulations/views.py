"""Pages of simulations: list, submit in two steps, follow, cancel."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from simcrate.errors import BadInputError
from simcrate.pipeline.jobs import RunState
from simcrate.portal.access import UserRequest, for_users
from simcrate.portal.limits.queries import limits_of
from simcrate.portal.simulations.credentials import credential_warnings
from simcrate.portal.simulations.drafts import (
    DraftGoneError,
    draft_again,
    draft_files,
    offers_of,
)
from simcrate.portal.simulations.endless import endless_warning
from simcrate.portal.simulations.examples import list_examples
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.forms import ChoicesForm, FilesForm
from simcrate.portal.simulations.models import Draft, Simulation
from simcrate.portal.simulations.offer import choose_runs
from simcrate.portal.simulations.pages import live_part, log_of, watched_log, whole_page
from simcrate.portal.simulations.parts import all_but
from simcrate.portal.simulations.queries import overviews, visible_to
from simcrate.portal.simulations.repacking import repack_simulation
from simcrate.portal.simulations.services import cancel_simulation, stop_simulation
from simcrate.portal.simulations.simulator_choice import choosable, read_ini_for
from simcrate.portal.simulations.sizes import Plan, size_sentence
from simcrate.portal.simulations.template_form import TemplateForm
from simcrate.portal.simulators.services import template_of
from simcrate.portal.storages.services import active_backends

PAGE_SIZE = 20
RUNS_PREVIEWED = 8
MOST_DIGITS = 16
NO_CHANGE = 204  # htmx leaves the page as it is


class EndSimulation(Protocol):
    """A service that ends one early."""

    def __call__(self, simulation: Simulation, *, who: str) -> None:
        """Ask for it; raises `BadInputError`."""
        ...


@require_GET
@for_users
def index(request: UserRequest) -> HttpResponse:
    """One's own simulations, newest first."""
    page = Paginator(visible_to(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "overviews": overviews(list(page.object_list))}
    return render(request, "simulations/index.html", context)


@require_http_methods(["GET", "POST"])
@for_users
def new(request: UserRequest) -> HttpResponse:
    """Step 1: the files."""
    form = FilesForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        draft = form.save(request.user)
        if draft is not None:
            return redirect("simulation-choose", draft.pk)
    context = {"form": form, "examples": list_examples()}
    return render(request, "simulations/new.html", context, status=_status(form))


@require_http_methods(["GET", "POST"])
@for_users
def fill_in(request: UserRequest) -> HttpResponse:
    """Step 1 without an ini: the parameters of a simulator's template."""
    template = template_of(request.GET.get("simulator", ""))
    if template is None:
        raise Http404
    form = TemplateForm(request.POST or None, template=template)
    if request.method == "POST" and form.is_valid():
        draft = form.save(request.user)
        if draft is not None:
            return redirect("simulation-choose", draft.pk)
    context = {"form": form, "template": template}
    return render(request, "simulations/fill_in.html", context, status=_status(form))


@require_http_methods(["GET", "POST"])
@for_users
def choose(request: UserRequest, draft_id: UUID) -> HttpResponse:
    """Step 2: what the ini offers."""
    draft = Draft.objects.filter(pk=draft_id, owner=request.user).first()
    if draft is None:
        return _without_draft(request, draft_id)
    try:
        choosable(draft.choices["simulator"])
    except SubmissionError as error:  # it could be chosen when the files were uploaded
        _tell(request, error)
        return redirect("simulation-new")
    files, offers = draft_files(draft), offers_of(draft)
    form = ChoicesForm(request.POST or None, draft=draft, offers=offers)
    if request.method == "POST" and form.is_valid():
        try:
            simulation = form.save(files)
        except DraftGoneError:
            return _without_draft(request, draft_id)
        if simulation is not None:
            return redirect("simulation", simulation.pk)
    context = {"form": form, "draft": draft, "offers": offers, "files": files}
    context["storages"] = active_backends()
    context["limits"] = limits_of(request.user).sentences()
    context["warnings"] = credential_warnings(draft.ini_name, files)
    return render(request, "simulations/choose.html", context, status=_status(form))


def _without_draft(request: UserRequest, draft_id: UUID) -> HttpResponse:
    """A second click on *Run it* finds the simulation of the first one, newest in the list."""
    if request.method != "POST" or Draft.objects.filter(pk=draft_id).exists():
        raise Http404
    messages.info(request, "These files were submitted already, or are older than a day.")
    return redirect("simulations")


@require_GET
@for_users
def preview_runs(request: UserRequest, draft_id: UUID) -> HttpResponse:
    """Which runs a config and a filter select, while they are being chosen."""
    draft = get_object_or_404(Draft, pk=draft_id, owner=request.user)
    context: dict[str, object] = {}
    try:
        simulator = choosable(draft.choices["simulator"])
        ini = read_ini_for(simulator, draft.ini_name, draft_files(draft))
        config = ini.config(request.GET.get("config", ""))
        runs = choose_runs(config, request.GET.get("run_filter", ""))
        context = {"runs": runs[:RUNS_PREVIEWED], "count": len(runs)}
        context["warning"] = endless_warning(config, limits_of(request.user))
        context["size"] = size_sentence(
            Plan(
                owner=request.user,
                simulator=simulator.name,
                ini_name=draft.ini_name,
                config=config.name,
                run_count=len(runs),
                left_out=all_but(request.GET.getlist("parts")),
            )
        )
    except BadInputError as error:
        context = {"error": str(error)}
    return render(request, "simulations/_preview.html", context)


@require_GET
@for_users
def detail(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Everything about one simulation."""
    simulation = get_object_or_404(visible_to(request.user), pk=simulation_id)
    return render(request, "simulations/detail.html", whole_page(request, simulation))


@require_GET
@for_users
def live(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """The part of the page that changes; an empty answer when the browser shows it already.

    When there is something to see outside of that part, the browser fetches the whole page.
    """
    simulation = _visible(request, simulation_id)
    part = live_part(request, simulation)
    if part.is_settled or (part.is_ready and "ready" not in request.GET):
        return HttpResponse(headers={"HX-Refresh": "true"})
    if request.GET.get("seen") == part.digest:
        return HttpResponse(status=NO_CHANGE)
    return render(request, "simulations/_polling.html", {"simulation": simulation, "live": part})


@require_GET
@for_users
def log(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """What follows of the log that the browser shows; all of another one when that is of interest now."""
    simulation = _visible(request, simulation_id)
    is_live = simulation.runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]).exists()
    shown = _whole_number(request, "run", default=-1)
    found = watched_log(
        simulation, is_live=is_live, run=shown, cursor=_whole_number(request, "after")
    )
    if found.run is not None and found.run.number == shown:
        return render(request, "simulations/_log_piece.html", {"log": found})
    headers = {"HX-Retarget": "#log", "HX-Reswap": "outerHTML"}
    return HttpResponse(
        render_to_string("simulations/_log.html", {"log": found}, request), headers=headers
    )


@require_GET
@for_users
def run_log(request: UserRequest, simulation_id: UUID, number: int) -> HttpResponse:
    """What follows of the log of one run."""
    simulation = _visible(request, simulation_id)
    row = get_object_or_404(simulation.runs, number=number)
    found = log_of(simulation, row, cursor=_whole_number(request, "after"))
    return render(request, "simulations/_log_piece.html", {"log": found})


@require_POST
@for_users
def cancel(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Ask for the end of what is not wanted any more."""
    return _end(request, simulation_id, cancel_simulation)


@require_POST
@for_users
def stop(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Ask for the end, and keep what is there."""
    return _end(request, simulation_id, stop_simulation)


def _end(request: UserRequest, simulation_id: UUID, end: EndSimulation) -> HttpResponse:
    simulation = _visible(request, simulation_id)
    try:
        end(simulation, who=request.user.get_username())
    except BadInputError as error:
        messages.warning(request, str(error))
    return redirect("simulation", simulation.pk)


@require_POST
@for_users
def repack(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Pack it again, with the parts that are chosen now."""
    simulation = _visible(request, simulation_id)
    try:
        repack_simulation(simulation, left_out=all_but(request.POST.getlist("parts")))
    except BadInputError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "It is being packed again. What was delivered before stays.")
    return redirect("simulation", simulation.pk)


@require_POST
@for_users
def again(request: UserRequest, simulation_id: UUID) -> HttpResponse:
    """Begin a new submission with what this one was submitted with."""
    simulation = _visible(request, simulation_id)
    try:
        draft = draft_again(simulation, owner=request.user)
    except SubmissionError as error:
        _tell(request, error)
        return redirect("simulation", simulation.pk)
    return redirect("simulation-choose", draft.pk)


@require_GET
@for_users
def run(request: UserRequest, simulation_id: UUID, number: int) -> HttpResponse:
    """One run: its variables, its outcome, the end of its log."""
    simulation = _visible(request, simulation_id)
    row = get_object_or_404(simulation.runs, number=number)
    template = (
        "simulations/_run.html" if request.headers.get("HX-Request") else "simulations/run.html"
    )
    context = {"simulation": simulation, "run": row, "log": log_of(simulation, row)}
    return render(request, template, context)


def _tell(request: UserRequest, error: SubmissionError) -> None:
    messages.error(request, "\n".join(fault.message for fault in error.shown))


def _visible(request: UserRequest, simulation_id: UUID) -> Simulation:
    """Somebody else's simulation is not there."""
    return get_object_or_404(visible_to(request.user), pk=simulation_id)


def _whole_number(request: UserRequest, name: str, *, default: int = 0) -> int:
    """A number of the query; the default where it is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else default


def _status(form: Form) -> int:
    return 422 if form.errors else 200
