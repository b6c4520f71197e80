"""Submissions that score stored responses anew, and those that ask everything anew."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0023_evidence_found")]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="rescored_from",
            field=models.ForeignKey(
                blank=True,
                help_text="whose stored responses it scores; no model is asked",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="rescored",
                to="leaderboard.submission",
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="fresh",
            field=models.BooleanField(
                default=False, help_text="every request is asked, whatever was answered before"
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("fresh", True)), fields=["suite", "revision"], name="submission_fresh"
            ),
        ),
    ]
