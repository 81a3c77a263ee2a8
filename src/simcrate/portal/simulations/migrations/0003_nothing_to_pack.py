"""Simulations that were ended before any run was started leave the index of what is to be packed."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def mark_those_that_there_are(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    Run = apps.get_model("simulations", "Run")
    Simulation = apps.get_model("simulations", "Simulation")
    runs = Run.objects.filter(simulation=models.OuterRef("pk"))
    wanted = models.Q(state__in=["queued", "running"]) | models.Q(started_at__isnull=False)
    Simulation.objects.filter(
        ~models.Exists(runs.filter(wanted)), cancel_requested_at__isnull=False, packed_at=None
    ).update(nothing_to_pack=True)


class Migration(migrations.Migration):
    dependencies = [("simulations", "0002_parts")]

    operations = [
        migrations.AddField(
            model_name="simulation",
            name="nothing_to_pack",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="its end was asked for before any run was started",
            ),
        ),
        migrations.RemoveIndex(model_name="simulation", name="simulation_unpacked"),
        migrations.AddIndex(
            model_name="simulation",
            index=models.Index(
                fields=["created_at"],
                name="simulation_unpacked",
                condition=models.Q(packed_at=None, nothing_to_pack=False),
            ),
        ),
        migrations.RunPython(mark_those_that_there_are, migrations.RunPython.noop),
    ]
