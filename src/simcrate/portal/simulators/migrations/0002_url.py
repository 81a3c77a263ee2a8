"""Where a simulator is described."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("simulators", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="simulatordefinition",
            name="url",
            field=models.CharField(
                blank=True,
                help_text="where it is described; crates name it as the instrument of their results",
                max_length=500,
                validators=[django.core.validators.URLValidator(schemes=["http", "https"])],
                verbose_name="URL",
            ),
        ),
    ]
