"""Rankings live in their columns alone, whole or as what differs from another; pairs are tested once.

Old rankings are removed: they can be built anew from results and imports, which `manage.py bootstrap` does.
"""

import django.db.models.deletion
from django.db import migrations, models


def remove_rankings(apps, editor):
    apps.get_model("leaderboard", "Snapshot").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0008_columns")]
    operations = [
        migrations.RunPython(remove_rankings, migrations.RunPython.noop, elidable=True),
        migrations.DeleteModel("SnapshotRow"),
        migrations.AddField(
            "snapshot",
            "base",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="differing",
                to="leaderboard.snapshot",
            ),
        ),
        migrations.AlterField(
            "snapshot",
            "columns",
            models.BinaryField(default=bytes, help_text="compressed Arrow (leaderboard.columnar.stored)"),
        ),
        migrations.CreateModel(
            name="PairedTest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("difference", models.FloatField(null=True)),
                (
                    "p_unequal",
                    models.FloatField(null=True, help_text="two-sided, of no difference; not adjusted for others"),
                ),
                (
                    "suite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="paired_tests",
                        to="leaderboard.suite",
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tests_as_first",
                        to="leaderboard.submission",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tests_as_second",
                        to="leaderboard.submission",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="paired_once"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lt", models.F("second"))), name="paired_in_order"
                    ),
                ],
            },
        ),
    ]
