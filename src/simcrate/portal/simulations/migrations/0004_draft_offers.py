"""Drafts keep what their ini offers; those of before, a day old at most, go."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def discard_drafts(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("simulations", "Draft").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("simulations", "0003_nothing_to_pack")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="offers",
            field=models.JSONField(
                null=True,
                editable=False,
                help_text="configs of the ini: see OfferedConfig; null where only the simulator reads it",
            ),
        ),
        migrations.RunPython(discard_drafts, migrations.RunPython.noop),
    ]
