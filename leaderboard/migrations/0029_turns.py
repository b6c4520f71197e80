"""Waiting jobs are given out in rounds, one of each owner a round, by an index in exactly that order."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0028_stopping")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="turn",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="the round of its queue in which it is given out (leaderboard.actions.turns)",
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="priority",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="higher ones are given out first in their round"
            ),
        ),
        migrations.RemoveIndex(model_name="job", name="job_waiting"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state", "queued")),
                fields=["queue", "turn", "-priority", "id"],
                name="job_in_line",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("attempt__gt", 0)), fields=["queue", "turn"], name="job_turns"
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("state", "queued")), fields=["owner"], name="submission_waiting"
            ),
        ),
    ]
