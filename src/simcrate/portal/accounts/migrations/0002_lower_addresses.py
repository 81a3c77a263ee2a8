"""Addresses in lower case, as allauth looks them up; one that two rows share so is left for a person."""

from collections import Counter

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def lower_addresses(apps: Apps, _editor: BaseDatabaseSchemaEditor | None) -> None:
    for label in ("account.EmailAddress", "accounts.User"):
        rows = apps.get_model(label).objects
        stored = list(rows.values_list("pk", "email"))
        sharing = Counter(email.lower() for _, email in stored)
        for key, email in stored:
            if email != email.lower() and sharing[email.lower()] == 1:
                rows.filter(pk=key).update(email=email.lower())


class Migration(migrations.Migration):
    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0001_initial"),
    ]

    operations = [migrations.RunPython(lower_addresses, migrations.RunPython.noop)]
