"""Crates that could not be delivered can be given up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0002_chore_names")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="discarded_at",
            field=models.DateTimeField(
                blank=True,
                help_text="when somebody gave up the crate that could not be delivered",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="deliveryevent",
            name="what",
            field=models.CharField(
                choices=[
                    ("extended", "extended"),
                    ("expiring", "expiring"),
                    ("removed", "removed"),
                    ("not removed", "not removed"),
                    ("reminded", "reminded"),
                    ("revoked", "revoked"),
                    ("delivered again", "delivered again"),
                    ("fell back", "fell back"),
                    ("discarded", "discarded"),
                ],
                max_length=20,
            ),
        ),
    ]
