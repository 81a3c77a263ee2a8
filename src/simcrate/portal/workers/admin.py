"""The workers page of the admin."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from unfold.decorators import display

from simcrate.portal.queue.wake import wake
from simcrate.portal.read_only_admin import ReadOnlyAdmin
from simcrate.portal.workers.models import Worker
from simcrate.portal.workers.queries import alive_workers

LABELS = {"alive": "success", "draining": "warning", "gone": "danger"}


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """Alive, busy, version, sandbox, cores, memory, disk; and a way to let one end in peace."""

    list_display = [
        "machine", "process", "state", "seen", "tasks", "disk_free", "fence", "tags", "version",
        "cores", "memory",
    ]  # fmt: skip
    actions = ["drain"]

    @admin.display(description="process")
    def process(self, worker: Worker) -> str:
        """Its pid."""
        return worker.owner.rsplit("/", 2)[1]

    @display(description="state", label=LABELS)  # type: ignore[untyped-decorator]
    def state(self, worker: Worker) -> str:
        """Whether it was seen within the last minute, and takes runs."""
        if not alive_workers().filter(pk=worker.pk).exists():
            return "gone"
        return "draining" if worker.is_draining else "alive"

    @admin.display(description="seen", ordering="seen_at")
    def seen(self, worker: Worker) -> str:
        """How long ago it showed itself."""
        return naturaltime(worker.seen_at)

    @admin.display(description="sandbox")
    def fence(self, worker: Worker) -> str:
        """What it fences simulators in with; a weaker promise is said loudly."""
        if worker.sandbox_note:
            return f"✗ {worker.sandbox_note}"
        if worker.sandbox == "none":
            return "⚠ none: simulators are held by allow-list and process limits only"
        return worker.sandbox

    @admin.display(description="memory")
    def memory(self, worker: Worker) -> str:
        """Of the machine."""
        return filesizeformat(worker.memory_bytes)

    @admin.display(description="disk free")
    def disk_free(self, worker: Worker) -> str:
        """Where it works, and whether that is too little to begin runs."""
        free = filesizeformat(worker.disk_free_bytes)
        return f"⚠ {free}: begins no runs" if worker.is_short_of_disk else free

    def has_drain_permission(self, request: HttpRequest) -> bool:
        """Whoever may change workers; to look at them is not enough."""
        return bool(request.user.has_perm("workers.change_worker"))

    @admin.action(description="Drain: finish what they have, then end", permissions=["drain"])
    def drain(self, request: HttpRequest, workers: QuerySet[Worker]) -> None:
        """Ask for it; they see it within seconds."""
        count = workers.update(is_draining=True)
        wake()
        self.message_user(request, f"{count} asked to end when they are done.")
