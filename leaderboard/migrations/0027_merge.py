"""Two names of one model may become one: the guards of what does not change step aside for that, in its transaction."""

from django.db import migrations

TRIGGERS = {
    "final_submission": ("leaderboard_submission", "BEFORE UPDATE", "parity_final_submission"),
    "remark_append_only": ("leaderboard_remark", "BEFORE UPDATE", "parity_append_only"),
    "imported_frozen": (
        "leaderboard_imported",
        "BEFORE UPDATE OF batch_id, suite_id, revision_id, source, key, settings, precision, score, stderr, "
        "unranked_reason, tasks, facts, evaluated_on, digest",
        "parity_imported",
    ),
}
MERGING = "WHEN (coalesce(current_setting('parity.merge', true), '') <> 'on') "


def triggers(condition: str) -> str:
    """The triggers anew, each under this condition."""
    return "".join(
        f"DROP TRIGGER {name} ON {table};\n"
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW {condition}EXECUTE FUNCTION {function}();\n"
        for name, (table, when, function) in TRIGGERS.items()
    )


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0026_share")]
    operations = [migrations.RunSQL(triggers(MERGING), triggers(""))]
