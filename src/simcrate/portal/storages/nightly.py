"""The nightly doctor: administrators hear of an unwell storage backend before users suffer."""

from __future__ import annotations

import logging

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMessage

from simcrate.portal.storages.doctor import Diagnosis, examine
from simcrate.portal.storages.services import active_backends

log = logging.getLogger(__name__)


def warn_administrators() -> list[Diagnosis]:
    """Examine every active storage backend and mail what is wrong; returns those that are unwell."""
    diagnoses = [examine(backend) for backend in active_backends()]
    unwell = [diagnosis for diagnosis in diagnoses if not diagnosis.is_well]
    for diagnosis in unwell:
        log.warning("storage.found_unwell", extra={"storage_id": diagnosis.backend.identifier})
    recipients = administrators()
    if unwell and recipients:
        names = ", ".join(diagnosis.backend.name for diagnosis in unwell)
        EmailMessage(
            subject=f"SimCrate: crates cannot be delivered to {names}",
            body="\n\n".join(map(_told, unwell))
            + f"\n\n{settings.ENVIRONMENT.public_url}/admin/\n",
            to=recipients,
        ).send()
    return unwell


def administrators() -> list[str]:
    """The confirmed primary addresses of active staff."""
    confirmed = EmailAddress.objects.filter(
        verified=True, primary=True, user__is_staff=True, user__is_active=True
    )
    return list(confirmed.values_list("email", flat=True))


def _told(diagnosis: Diagnosis) -> str:
    lines = [f"{diagnosis.backend.name} ({diagnosis.backend.identifier}):"]
    for finding in diagnosis.findings:
        lines.append(f"{'ok  ' if finding.ok else 'FAIL'} {finding.step}: {finding.seen}")
        if finding.todo:
            lines.append(f"     {finding.todo}")
    return "\n".join(lines)
