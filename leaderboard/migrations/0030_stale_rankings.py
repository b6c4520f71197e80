"""A change of a ranking says so by a row, so that nobody waits for another one's ranking."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0029_turns")]

    operations = [
        migrations.CreateModel(
            name="StaleRanking",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("anew", models.BooleanField(default=False, help_text="rows that were there have changed")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "suite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="stale", to="leaderboard.suite"
                    ),
                ),
            ],
        ),
    ]
