"""Each ranking keeps its columns, from which pages and API answer every search, facet and sort."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0007_imports")]
    operations = [
        migrations.AddField(
            "snapshot",
            "columns",
            models.BinaryField(default=bytes, help_text="a compressed Arrow file (leaderboard.columnar.table)"),
        ),
        migrations.AddField("snapshot", "digest", models.CharField(max_length=64, default="")),
    ]
