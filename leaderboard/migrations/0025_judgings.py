"""Judge models and persons who grade blind, on the answers of a bake-off; they go with it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0024_rescoring"),
    ]

    operations = [
        migrations.CreateModel(
            name="Judging",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("form", models.CharField(help_text="pairs or grades (leaderboard.judging.forms)", max_length=10)),
                ("rubric", models.TextField()),
                ("salt", models.CharField(max_length=64)),
                ("n", models.PositiveIntegerField()),
                ("places", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "bakeoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judgings", to="leaderboard.bakeoff"
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="leaderboard.submission"
                    ),
                ),
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
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="leaderboard.submission"
                    ),
                ),
                (
                    "suite",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="judging", to="leaderboard.suite"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Judge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("kin", models.JSONField(default=list)),
                ("codes", models.BinaryField(null=True)),
                (
                    "submission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judge", to="leaderboard.submission"
                    ),
                ),
                (
                    "judging",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judges", to="leaderboard.judging"
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [models.UniqueConstraint(fields=("judging", "position"), name="judge_position_once")],
            },
        ),
        migrations.CreateModel(
            name="Grade",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="of the judging's items, from 0")),
                ("outcome", models.PositiveSmallIntegerField()),
                ("first_left", models.BooleanField()),
                ("said_at", models.DateTimeField(auto_now=True)),
                (
                    "grader",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="grades", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "judging",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="grades", to="leaderboard.judging"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [models.UniqueConstraint(fields=("judging", "number", "grader"), name="grade_once")],
            },
        ),
    ]
