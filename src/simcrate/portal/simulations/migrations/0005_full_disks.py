"""Tries at packing that found a full disk are counted apart from those that failed otherwise."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("simulations", "0004_draft_offers")]

    operations = [
        migrations.AlterField(
            model_name="simulation",
            name="attempts",
            field=models.PositiveSmallIntegerField(
                default=0,
                editable=False,
                help_text="tries at packing that failed in another way than the next two",
            ),
        ),
        migrations.AddField(
            model_name="simulation",
            name="disk_full",
            field=models.PositiveSmallIntegerField(
                default=0,
                db_default=0,
                editable=False,
                help_text="tries at packing that found no space for the crate",
            ),
        ),
        migrations.AddField(
            model_name="simulation",
            name="statistics_full",
            field=models.PositiveSmallIntegerField(
                default=0,
                db_default=0,
                editable=False,
                help_text="tries at packing that found no space for statistics",
            ),
        ),
    ]
