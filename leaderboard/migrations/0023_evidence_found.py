"""Claims have a quotation; the newest results on a set of items are found without looking at all of them."""

import django.db.models.deletion
from django.db import migrations, models

FROZEN = """
DROP TRIGGER claim_frozen ON leaderboard_claim;
CREATE TRIGGER claim_frozen BEFORE UPDATE OF {columns} ON leaderboard_claim
    FOR EACH ROW EXECUTE FUNCTION parity_append_only();
"""
BEFORE = "slug, text, who, url, terms, created_at"


class Migration(migrations.Migration):
    dependencies = [
        ("leaderboard", "0022_adapters"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="result",
            index=models.Index(fields=["items", "-submission"], name="result_items_newest"),
        ),
        migrations.AlterField(
            model_name="result",
            name="items",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="leaderboard.itemset",
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="quotation",
            field=models.CharField(blank=True, help_text="as it is said there, word for word", max_length=1000),
        ),
        migrations.AlterField(
            model_name="claim",
            name="url",
            field=models.CharField(blank=True, help_text="where it is said", max_length=300),
        ),
        migrations.RunSQL(FROZEN.format(columns=f"{BEFORE}, quotation"), FROZEN.format(columns=BEFORE)),
    ]
