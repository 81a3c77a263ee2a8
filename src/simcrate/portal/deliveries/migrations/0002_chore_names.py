"""Chores of one machine have its name, which is as long as a host's may be."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="chore",
            name="name",
            field=models.CharField(max_length=150, primary_key=True, serialize=False),
        ),
    ]
