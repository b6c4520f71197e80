"""What a chunk of samples holds, counted when it arrives."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0004_more_guards")]
    operations = [
        migrations.AddField("samplechunk", "samples", models.PositiveIntegerField(default=0)),
        migrations.AddField(
            "samplechunk",
            "tasks",
            models.JSONField(default=dict, help_text="how many samples it holds for each task of the suite"),
        ),
    ]
