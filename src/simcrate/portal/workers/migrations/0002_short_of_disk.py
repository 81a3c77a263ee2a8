"""Workers say that their disks have too little space to begin runs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workers", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="is_short_of_disk",
            field=models.BooleanField(
                db_default=False, help_text="so little is free that it begins no runs"
            ),
        ),
    ]
