"""A large submission has several jobs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0032_trace")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="shard",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="which of `shards` it begins with"
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="shards",
            field=models.PositiveSmallIntegerField(
                db_default=1, default=1, help_text="jobs that split the requests"
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("evaluation", "Evaluation"),
                    ("preflight", "a look at an endpoint before anything is spent"),
                    ("share", "a share of what an untrusted worker measured, generated again by a trusted one"),
                    ("shard", "answers a part of a submission's requests, for its evaluation to score"),
                ],
                default="evaluation",
                max_length=12,
            ),
        ),
    ]
