"""Bake-offs that stop when they are decided, and reports that named people read."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0027_merge")]

    operations = [
        migrations.AddField("Bakeoff", "stops", models.BooleanField(default=False)),
        migrations.AddField("WorkloadSuite", "shuffled", models.BooleanField(default=False)),
        migrations.AlterField(
            "WorkloadSuite",
            "version",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="run_as", to="leaderboard.workloadversion"
            ),
        ),
        migrations.AddConstraint(
            "WorkloadSuite",
            models.UniqueConstraint(fields=("version", "shuffled"), name="workload_suite_once"),
        ),
        migrations.CreateModel(
            "EarlyLook",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scores", models.BinaryField()),
                ("at", models.DateTimeField(auto_now=True)),
                (
                    "submission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="early_look",
                        to="leaderboard.submission",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            "BakeoffReader",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "bakeoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="readers",
                        to="leaderboard.bakeoff",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bakeoffs_read",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [models.UniqueConstraint(fields=("bakeoff", "user"), name="bakeoff_reader_once")],
            },
        ),
    ]
