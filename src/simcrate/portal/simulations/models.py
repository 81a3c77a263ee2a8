"""A simulation, the files that came with it, and its runs."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from simcrate.pipeline.jobs import RunState
from simcrate.portal.queue.lease import Leased
from simcrate.portal.simulations.estimates import estimate_end

RUN_STATES = [(state.value, state.value) for state in RunState]


class WithoutSummary(models.Manager["Simulation"]):
    """The rows without their summaries of up to 2 MiB each, which are read where they are asked for."""

    def get_queryset(self) -> models.QuerySet[Simulation]:
        """What every query begins with."""
        return super().get_queryset().defer("summary")


class Simulation(Leased):
    """What a user submitted.  Its lease is the one of `finish`: collect, parse, statistics, pack.

    The state that people see is derived from the runs and deliveries (`states.py`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="simulations"
    )
    title = models.CharField(max_length=200)
    simulator = models.CharField(max_length=100)
    ini_name = models.CharField(max_length=255)
    config = models.CharField(max_length=200)
    run_filter = models.CharField(max_length=1000, blank=True)
    precision_s = models.FloatField(help_text="simulated seconds between rows of the csv tables")
    storage = models.ForeignKey(
        "storages.StorageBackend", on_delete=models.PROTECT, related_name="simulations"
    )
    fallback = models.ForeignKey(
        "storages.StorageBackend",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="fallback_of",
        help_text="where the crate goes when the storage backend refuses it for good",
    )
    notify_email = models.EmailField(blank=True)
    licence = models.CharField(max_length=100, default="CC-BY-4.0")
    left_out = models.JSONField(
        default=list, blank=True, help_text="parts that the crate does without: see Choice"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    cancel_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    ends_as = models.CharField(
        max_length=12,
        default=RunState.CANCELLED,
        editable=False,
        help_text="what its runs become once an end is asked for: cancelled or stopped",
    )

    stage = models.CharField(max_length=20, blank=True, editable=False)
    percent = models.FloatField(default=0, editable=False)
    machine = models.CharField(max_length=100, blank=True, editable=False)
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(
        default=0,
        editable=False,
        help_text="tries at packing that failed in another way than the next two",
    )
    disk_full = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,  # for the programs of the version before
        editable=False,
        help_text="tries at packing that found no space for the crate",
    )
    statistics_full = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="tries at packing that found no space for statistics",
    )
    packed_at = models.DateTimeField(null=True, blank=True, editable=False)
    nothing_to_pack = models.BooleanField(
        default=False, editable=False, help_text="its end was asked for before any run was started"
    )
    packings = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="how often its owner asked for packing again"
    )
    run_dirs_removed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="since when it cannot be packed again"
    )
    problems = models.JSONField(default=list, editable=False)
    summary = models.JSONField(null=True, blank=True, editable=False)

    objects = WithoutSummary()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="simulation_by_owner"),
            models.Index(
                fields=["created_at"],
                name="simulation_unpacked",
                condition=models.Q(packed_at=None, nothing_to_pack=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class SubmittedFile(models.Model):
    """The ini or a data file, as it was submitted.

    Rows rather than files: they exist exactly when the simulation does, and every worker machine that
    reaches the database reaches them.
    """

    simulation = models.ForeignKey(Simulation, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["simulation", "name"], name="file_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Draft(models.Model):
    """Files that a user has uploaded but not submitted: what stands between the form's two steps.

    A draft is nobody's work yet: workers never see it, and it is gone after a day.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts"
    )
    title = models.CharField(max_length=200, blank=True)
    ini_name = models.CharField(max_length=255)
    choices = models.JSONField(default=dict, help_text="what the second step begins with")
    offers = models.JSONField(
        null=True,
        editable=False,
        help_text="configs of the ini: see OfferedConfig; null where only the simulator reads it",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.title or self.ini_name


class DraftFile(models.Model):
    """A file of a draft."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["draft", "name"], name="draft_file_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Run(Leased):
    """One execution of the simulator."""

    simulation = models.ForeignKey(Simulation, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    itervars = models.JSONField(default=dict)
    repetition = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=12, choices=RUN_STATES, default=RunState.QUEUED)
    percent = models.FloatField(default=0)
    event_count = models.PositiveBigIntegerField(default=0)
    sim_time_s = models.FloatField(default=0)
    events_per_s = models.FloatField(null=True, blank=True)
    sim_s_per_s = models.FloatField(
        null=True, blank=True, help_text="simulated seconds in a second of the clock"
    )
    messages_present = models.PositiveBigIntegerField(null=True, blank=True)
    first_error = models.TextField(blank=True, help_text="the first line of output that is one")
    log_tail = models.TextField(blank=True)
    log_lines = models.PositiveBigIntegerField(
        default=0, help_text="how many were printed; the last of them are the tail"
    )
    reason = models.TextField(blank=True, help_text="why it ended as it did, in a sentence")
    outcome = models.JSONField(
        null=True, blank=True, help_text="RunOutcome as the pipeline wrote it"
    )
    machine = models.CharField(max_length=100, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["simulation", "number"], name="run_number_once")
        ]
        indexes = [
            models.Index(fields=["id"], name="run_queued", condition=models.Q(state="queued")),
            models.Index(
                fields=["lease_until"], name="run_leased", condition=models.Q(state="running")
            ),
        ]

    @property
    def estimated_end(self) -> datetime | None:
        """At the pace so far; None: not known, or it does not run."""
        if self.state != RunState.RUNNING:
            return None
        return estimate_end(self.started_at, self.percent, datetime.now(UTC))

    def __str__(self) -> str:
        return f"run {self.number} of {self.simulation}"
