"""Where a program leaves its results."""

from django.db import migrations, models

import simcrate.portal.simulators.models


class Migration(migrations.Migration):
    dependencies = [("simulators", "0002_url")]

    operations = [
        migrations.AddField(
            model_name="simulatordefinition",
            name="result_dir",
            field=models.CharField(
                blank=True,
                help_text="for the kind command: where it leaves its results, below the working directory of a run, as in reports; blank: results",
                max_length=200,
                validators=[simcrate.portal.simulators.models.validate_result_dir],
                verbose_name="result directory",
            ),
        ),
    ]
