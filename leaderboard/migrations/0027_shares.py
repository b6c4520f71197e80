"""A large submission has jobs that share its requests."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0026_turns")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="share",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="which of `shares` it begins with"
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="shares",
            field=models.PositiveSmallIntegerField(
                db_default=1, default=1, help_text="jobs that share the requests"
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("evaluation", "Evaluation"),
                    ("preflight", "a look at an endpoint before anything is spent"),
                    ("share", "answers a part of a submission's requests, for its evaluation to score"),
                ],
                default="evaluation",
                max_length=12,
            ),
        ),
    ]
