"""Parts that a crate does without, packing again, and when run directories went."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("simulations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="simulation",
            name="left_out",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="parts that the crate does without: see Choice",
            ),
        ),
        migrations.AddField(
            model_name="simulation",
            name="packings",
            field=models.PositiveSmallIntegerField(
                default=0,
                editable=False,
                help_text="how often its owner asked for packing again",
            ),
        ),
        migrations.AddField(
            model_name="simulation",
            name="run_dirs_removed_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="since when it cannot be packed again",
                null=True,
            ),
        ),
    ]
