"""That another machine has taken a delivery over is an event."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0004_not_announced")]

    operations = [
        migrations.AlterField(
            model_name="deliveryevent",
            name="what",
            field=models.CharField(
                choices=[
                    ("extended", "extended"),
                    ("expiring", "expiring"),
                    ("removed", "removed"),
                    ("not removed", "not removed"),
                    ("not announced", "not announced"),
                    ("reminded", "reminded"),
                    ("revoked", "revoked"),
                    ("delivered again", "delivered again"),
                    ("fell back", "fell back"),
                    ("taken over", "taken over"),
                    ("discarded", "discarded"),
                ],
                max_length=20,
            ),
        ),
    ]
