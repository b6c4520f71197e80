"""A share of what an untrusted worker measured is a job of its own, for a trusted one."""

from django.db import migrations, models

KINDS = [
    ("evaluation", "Evaluation"),
    ("preflight", "a look at an endpoint before anything is spent"),
    ("share", "a share of what an untrusted worker measured, generated again by a trusted one"),
]


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0025_judgings")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="share",
            field=models.JSONField(default=list, help_text="the tasks that a share consists of"),
        ),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(choices=KINDS, default="evaluation", max_length=12),
        ),
    ]
