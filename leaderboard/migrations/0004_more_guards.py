"""Nothing that was accepted can be deleted, but by the purge, which says so to the database and leaves an audit row."""

from django.db import migrations

KEPT = ["submission", "job", "event", "result", "samplechunk"]

GUARDS = """
CREATE FUNCTION parity_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('parity.purge', true), '') <> 'on' THEN
        RAISE EXCEPTION 'rows of % are kept; only the purge removes them', TG_TABLE_NAME
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE FUNCTION parity_result_of_last_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.attempt <> (SELECT attempt FROM leaderboard_job WHERE id = NEW.job_id) THEN
        RAISE EXCEPTION 'attempt % is not the last one of job %', NEW.attempt, NEW.job_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER result_of_last_attempt BEFORE INSERT ON leaderboard_result
    FOR EACH ROW EXECUTE FUNCTION parity_result_of_last_attempt();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON leaderboard_audit
    FOR EACH ROW EXECUTE FUNCTION parity_append_only();
""" + "".join(
    f"CREATE TRIGGER {table}_kept BEFORE DELETE ON leaderboard_{table} FOR EACH ROW EXECUTE FUNCTION parity_kept();\n"
    for table in KEPT
)

UNDO = (
    """
DROP TRIGGER result_of_last_attempt ON leaderboard_result;
DROP TRIGGER audit_append_only ON leaderboard_audit;
"""
    + "".join(f"DROP TRIGGER {table}_kept ON leaderboard_{table};\n" for table in KEPT)
    + """
DROP FUNCTION parity_kept;
DROP FUNCTION parity_result_of_last_attempt;
"""
)


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0003_nothing_lost")]
    operations = [migrations.RunSQL(GUARDS, UNDO)]
