"""Organisations with roles, what tokens may do and when they were used, and what the staff says to everybody."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import leaderboard.models.accounts


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0020_parts")]

    operations = [
        migrations.CreateModel(
            name="SiteState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "banner",
                    models.CharField(
                        blank=True, help_text="stands on every page; empty: nothing does", max_length=300
                    ),
                ),
                (
                    "read_only",
                    models.BooleanField(default=False, help_text="people and programs change nothing; workers go on"),
                ),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="site_state_once")]
            },
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(
                blank=True, help_text="as it was counted last; see last_used.py", null=True
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.JSONField(default=leaderboard.models.accounts.everything),
        ),
        migrations.AddField(
            model_name="worker",
            name="drained_at",
            field=models.DateTimeField(blank=True, help_text="gets no more jobs since; null: it does", null=True),
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("member", "Member"), ("viewer", "Viewer")], max_length=6
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="leaderboard.owner",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "user"), name="membership_once")
                ]
            },
        ),
    ]
