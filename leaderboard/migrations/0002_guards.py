"""What no code of ours may do, not even by mistake: change a final submission's outcome, or rewrite history."""

from django.db import migrations

GUARDS = """
CREATE FUNCTION parity_final_submission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('rejected', 'failed', 'cancelled', 'retracted') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'submission % is %, which is final', OLD.id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'succeeded' AND NEW.state NOT IN ('succeeded', 'quarantined', 'retracted') THEN
        RAISE EXCEPTION 'submission % succeeded; it can only be quarantined or retracted', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('succeeded', 'quarantined', 'retracted')
        AND (NEW.score IS DISTINCT FROM OLD.score OR NEW.stderr IS DISTINCT FROM OLD.stderr
             OR NEW.revision_id IS DISTINCT FROM OLD.revision_id OR NEW.suite_id <> OLD.suite_id) THEN
        RAISE EXCEPTION 'submission % is final; what it measured does not change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_submission BEFORE UPDATE ON leaderboard_submission
    FOR EACH ROW EXECUTE FUNCTION parity_final_submission();

CREATE FUNCTION parity_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.attempt < OLD.attempt THEN
        RAISE EXCEPTION 'the attempt of job % only grows', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('done', 'failed', 'cancelled') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'job % is %, which is final', OLD.id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_guard BEFORE UPDATE ON leaderboard_job FOR EACH ROW EXECUTE FUNCTION parity_job();

CREATE FUNCTION parity_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE ON leaderboard_event
    FOR EACH ROW EXECUTE FUNCTION parity_append_only();
CREATE TRIGGER result_append_only BEFORE UPDATE ON leaderboard_result
    FOR EACH ROW EXECUTE FUNCTION parity_append_only();
CREATE TRIGGER released_suite_frozen BEFORE UPDATE ON leaderboard_suite
    FOR EACH ROW EXECUTE FUNCTION parity_append_only();
CREATE TRIGGER released_task_frozen BEFORE UPDATE ON leaderboard_suitetask
    FOR EACH ROW EXECUTE FUNCTION parity_append_only();
"""

UNDO = """
DROP TRIGGER final_submission ON leaderboard_submission;
DROP TRIGGER job_guard ON leaderboard_job;
DROP TRIGGER event_append_only ON leaderboard_event;
DROP TRIGGER result_append_only ON leaderboard_result;
DROP TRIGGER released_suite_frozen ON leaderboard_suite;
DROP TRIGGER released_task_frozen ON leaderboard_suitetask;
DROP FUNCTION parity_final_submission;
DROP FUNCTION parity_job;
DROP FUNCTION parity_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "0001_initial")]
    operations = [migrations.RunSQL(GUARDS, UNDO)]
