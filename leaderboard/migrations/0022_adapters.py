from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0021_organisations")]

    operations = [
        migrations.AddField(
            model_name="revision",
            name="base_name",
            field=models.CharField(blank=True, db_default="", default="", help_text="of an adapter", max_length=200),
        ),
        migrations.AddField(
            model_name="revision",
            name="base_sha",
            field=models.CharField(blank=True, db_default="", default="", help_text="of an adapter", max_length=40),
        ),
        migrations.RemoveConstraint(model_name="revision", name="revision_once"),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.UniqueConstraint(fields=("model", "sha", "base_sha"), name="revision_once"),
        ),
    ]
