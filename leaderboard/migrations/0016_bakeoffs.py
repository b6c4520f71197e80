"""Suites, runs and reports of workloads, which are their owner’s alone; what only these know of is hidden."""

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0015_workloads"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={"default_manager_name": "everything"},
        ),
        migrations.AlterModelOptions(
            name="model",
            options={"default_manager_name": "everything"},
        ),
        migrations.AlterModelOptions(
            name="result",
            options={"default_manager_name": "everything"},
        ),
        migrations.AlterModelOptions(
            name="revision",
            options={"default_manager_name": "everything"},
        ),
        migrations.AlterModelOptions(
            name="submission",
            options={"default_manager_name": "everything", "ordering": ["-id"]},
        ),
        migrations.AlterModelOptions(
            name="suite",
            options={"default_manager_name": "everything", "ordering": ["name", "-version"]},
        ),
        migrations.AlterModelOptions(
            name="suitetask",
            options={"default_manager_name": "everything", "ordering": ["position"]},
        ),
        migrations.AlterModelManagers(
            name="job",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterModelManagers(
            name="model",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterModelManagers(
            name="result",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterModelManagers(
            name="revision",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterModelManagers(
            name="submission",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterModelManagers(
            name="suite",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AlterModelManagers(
            name="suitetask",
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name="model",
            name="hidden",
            field=models.BooleanField(
                db_default=False, default=False, help_text="known from workloads alone: nobody is told of it"
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="hidden",
            field=models.BooleanField(
                db_default=False, default=False, help_text="known from workloads alone: nobody is told of it"
            ),
        ),
        migrations.AddField(
            model_name="suite",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="suites",
                to="leaderboard.owner",
            ),
        ),
        migrations.CreateModel(
            name="Bakeoff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("margin", models.FloatField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bakeoffs",
                        to="leaderboard.workloadversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="BakeoffShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "bakeoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="leaderboard.bakeoff"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WorkloadAnswers",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("flags", models.BinaryField()),
                ("tokens_in", models.BinaryField()),
                ("tokens_out", models.BinaryField()),
                (
                    "submission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="answers", to="leaderboard.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WorkloadSuite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveIntegerField()),
                ("places", models.BinaryField()),
                ("tags", models.JSONField(default=dict)),
                (
                    "suite",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="workload", to="leaderboard.suite"
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="run_as",
                        to="leaderboard.workloadversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BakeoffEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "bakeoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="leaderboard.bakeoff"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bakeoff_entries",
                        to="leaderboard.submission",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [models.UniqueConstraint(fields=("bakeoff", "submission"), name="bakeoff_entry_once")],
            },
        ),
    ]
