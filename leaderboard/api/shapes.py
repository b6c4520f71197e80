"""The public API's JSON, as DRF serializers: what comes in is checked here, what goes out is documented here."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboard.api.endpoint_shapes import EndpointIn, EndpointOut
from leaderboard.api.revision_shapes import BaseOut, RevisionOut
from leaderboard.api.strict import Strict
from leaderboard.models import Imported, Model, Submission, Suite, SuiteTask
from leaderboard.queries.models import context_of
from leaderboard.queries.repeat import repeat_command
from leaderboard.queries.rows import Row
from leaderboard.queries.status import WorkerLine
from leaderboard.queries.submissions import Detail


class NothingIn(Strict):
    """The body of a call that takes none: absent, or an empty object."""


class SettingsIn(Strict):
    engine = serializers.ChoiceField(choices=["vllm", "transformers"], default="vllm")
    dtype = serializers.ChoiceField(choices=["auto", "float32", "bfloat16", "float16"], default="auto")
    apply_chat_template = serializers.BooleanField(default=False)
    max_length = serializers.IntegerField(min_value=16, max_value=2**24, allow_null=True, default=None)
    thinking = serializers.BooleanField(
        allow_null=True, default=None, help_text="what the chat template is told; null: nothing"
    )
    think_end = serializers.CharField(
        max_length=100, allow_blank=True, trim_whitespace=False, default="",
        help_text='what ends a thought: all before it is no answer; default with thinking: "</think>"',
    )  # fmt: skip
    thinking_tokens = serializers.IntegerField(
        min_value=0, max_value=2**20, default=0, help_text="for a thought, beside what the task allows for an answer"
    )


class SubmissionIn(Strict):
    suite = serializers.CharField(max_length=80, help_text="name@version")
    model = serializers.CharField(max_length=200, required=False, help_text="Hub ID, org/name")
    revision = serializers.CharField(max_length=200, required=False, help_text="branch, tag or commit; default main")
    settings = SettingsIn(required=False)
    fresh = serializers.BooleanField(
        required=False, help_text="ask everything, whatever was answered before: repeats of a run tell its noise"
    )
    endpoint = EndpointIn(required=False, help_text="in place of model, revision and settings")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "endpoint" not in attrs:
            if "model" not in attrs:
                raise serializers.ValidationError({"model": "This field is required, or endpoint in its place."})
            return attrs
        other = next((name for name in ("model", "revision", "settings", "fresh") if name in attrs), None)
        if other:
            raise serializers.ValidationError({other: "Leave it out: the endpoint says what is evaluated, and how."})
        return attrs


class TaskOut(serializers.ModelSerializer[SuiteTask]):
    class Meta:
        model = SuiteTask
        fields = (
            "task", "title", "metric", "filter", "num_fewshot", "limit", "higher_is_better", "baseline",
        )  # fmt: skip


class SuiteOut(serializers.ModelSerializer[Suite]):
    suite = serializers.CharField(source="slug")
    tasks = TaskOut(many=True)

    class Meta:
        model = Suite
        fields = ("suite", "name", "version", "title", "description", "normalise", "imported", "released_at", "tasks")


class ModelOut(serializers.ModelSerializer[Model]):
    """A model as the catalogue knows it; null: nobody says. Prices are US dollars for a million tokens."""

    context_length = serializers.SerializerMethodField(help_text="tokens: as stated, else of the newest revision")
    input_price = serializers.FloatField(allow_null=True)
    output_price = serializers.FloatField(allow_null=True)
    revisions = RevisionOut(many=True)

    class Meta:
        model = Model
        fields = (
            "name", "kind", "licence", "licence_family", "base_model", "training", "modalities", "context_length",
            "input_price", "output_price", "official", "merged", "mixture", "flagged", "available", "likes",
            "released_on", "revisions",
        )  # fmt: skip

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_context_length(self, model: Model) -> int | None:
        return context_of(model, max(model.revisions.all(), key=lambda one: one.pk, default=None))


class CellOut(serializers.Serializer[Any]):
    score = serializers.FloatField(allow_null=True, help_text="fraction")
    stderr = serializers.FloatField(allow_null=True, help_text="fraction")
    n = serializers.IntegerField()
    metric = serializers.CharField()
    filter = serializers.CharField()
    unavailable = serializers.CharField(allow_blank=True)
    normalised = serializers.FloatField(required=False, help_text="0-100, the source's own; imported rows only")
    percentile = serializers.FloatField(required=False, help_text="0-100; with `scores=percentile` only")


class SourceOut(serializers.ModelSerializer[Imported]):
    """Where an imported row comes from."""

    name = serializers.CharField(source="source")
    title = serializers.CharField(source="batch.title")
    url = serializers.CharField(source="batch.url", allow_blank=True)
    as_of = serializers.DateField(source="batch.as_of", allow_null=True)

    class Meta:
        model = Imported
        fields = ("name", "title", "url", "as_of", "key", "evaluated_on", "facts")


class RowOut(serializers.Serializer[Row]):
    """A line of a board; `context["sources"]` maps the keys of imports to them."""

    rank = serializers.IntegerField(allow_null=True)
    rank_interval = serializers.SerializerMethodField()
    unranked_reason = serializers.CharField(allow_blank=True)
    model = serializers.CharField(source="model_name")
    revision = serializers.CharField(source="sha", allow_blank=True)
    settings = serializers.JSONField()
    adapter_on = serializers.CharField(allow_blank=True, help_text="the base, where the model is an adapter")
    precision = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(allow_null=True)
    stderr = serializers.FloatField(allow_null=True)
    own = serializers.FloatField(allow_null=True, help_text="your own score, where `weights` are given")
    own_stderr = serializers.FloatField(allow_null=True)
    tasks = serializers.SerializerMethodField()
    submission = serializers.IntegerField(source="submission_id", allow_null=True)
    verified = serializers.BooleanField()
    source = serializers.SerializerMethodField()  # type: ignore[assignment]  # DRF moves fields away

    @extend_schema_field(serializers.DictField(child=CellOut()))
    def get_tasks(self, row: Row) -> Any:
        return dict(row.tasks)

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField(), allow_null=True))
    def get_rank_interval(self, row: Row) -> list[int] | None:
        return interval(row)

    @extend_schema_field(SourceOut(allow_null=True))
    def get_source(self, row: Row) -> Any:
        return SourceOut(self.context["sources"][row.imported_id]).data if row.imported_id else None


def interval(row: Row) -> list[int] | None:
    """The ranks that a row may have; None where nobody knows."""
    return None if row.rank_low is None or row.rank_high is None else [row.rank_low, row.rank_high]


class LeaderboardOut(serializers.Serializer[Any]):
    suite = serializers.CharField()
    snapshot = serializers.IntegerField(allow_null=True)
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = RowOut(many=True)


class ProgressOut(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    phase = serializers.CharField(allow_blank=True)
    items_per_second = serializers.FloatField(allow_null=True)


class AccuracyOut(serializers.Serializer[Any]):
    """Quantiles of actual over predicted seconds, of the newest predictions whose submissions have ended."""

    p10 = serializers.FloatField()
    p50 = serializers.FloatField()
    p90 = serializers.FloatField()
    n = serializers.IntegerField()


class EtaOut(serializers.Serializer[Any]):
    """When a live submission will have ended; `seconds` and `at` are null where nobody knows, and `reason` says why."""

    seconds = serializers.FloatField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    accuracy = AccuracyOut(allow_null=True)


class ErrorOut(serializers.Serializer[Any]):
    """Why a submission ended badly."""

    code = serializers.CharField()
    message = serializers.CharField()


class ProblemOut(serializers.Serializer[Any]):
    """What is wrong with a request (RFC 9457)."""

    type = serializers.CharField(help_text="about:blank: `code` tells problems apart")
    title = serializers.CharField(help_text="of the status")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="as `message`")
    code = serializers.CharField(help_text="for programs; never changes its meaning")
    message = serializers.CharField(help_text="for people: what is wrong and what to do")
    field = serializers.CharField(required=False, help_text="the input that it is about: settings.dtype")
    url = serializers.CharField(required=False, help_text="what is worth looking at instead")


class AllowanceOut(serializers.Serializer[Any]):
    used = serializers.IntegerField()
    cap = serializers.IntegerField(help_text="0 lets nothing through")
    resets_at = serializers.DateTimeField(allow_null=True, help_text="null: when a submission ends")


class QuotaOut(serializers.Serializer[Any]):
    day = AllowanceOut()
    month = AllowanceOut()
    live = AllowanceOut(help_text="submissions under way at once")


class ResultOut(serializers.Serializer[Any]):
    task = serializers.CharField(source="task.task")
    title = serializers.CharField(source="task.title")
    metric = serializers.CharField(source="task.metric")
    filter = serializers.CharField(source="task.filter")
    score = serializers.FloatField(allow_null=True)
    stderr = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    unavailable = serializers.CharField(allow_blank=True)
    unextracted = serializers.IntegerField(
        allow_null=True, help_text="samples in which no answer could be found; null: the task does not say"
    )


class SubmissionOut(serializers.ModelSerializer[Submission]):
    """A submission without what takes further queries."""

    url = serializers.SerializerMethodField()
    suite = serializers.CharField(source="suite.slug")
    model = serializers.CharField(source="requested_model")
    revision = serializers.SerializerMethodField()
    base = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner.name")
    error = serializers.SerializerMethodField()

    class Meta:
        model = Submission
        fields = (
            "id", "state", "url", "suite", "model", "revision", "base", "owner", "settings", "score", "stderr",
            "unranked_reason", "error", "retry_of", "rescored_from", "fresh", "created_at", "started_at",
            "finished_at",
        )  # fmt: skip

    @extend_schema_field(serializers.CharField())
    def get_url(self, submission: Submission) -> str:
        path = reverse("submission", args=[submission.pk])
        request = self.context.get("request")
        return str(request.build_absolute_uri(path)) if request else path

    @extend_schema_field(serializers.CharField())
    def get_revision(self, submission: Submission) -> str:
        return submission.revision.sha if submission.revision else submission.requested_revision

    @extend_schema_field(BaseOut(allow_null=True))
    def get_base(self, submission: Submission) -> dict[str, str] | None:
        revision = submission.revision
        return {"model": revision.base_name, "revision": revision.base_sha} if revision and revision.base_sha else None

    @extend_schema_field(ErrorOut(allow_null=True))
    def get_error(self, submission: Submission) -> dict[str, str] | None:
        if not submission.error_code:
            return None
        return {"code": submission.error_code, "message": submission.error_message}


class SubmissionDetailOut(SubmissionOut):
    """One submission with its progress and results."""

    progress = serializers.SerializerMethodField()
    queue_position = serializers.SerializerMethodField()
    eta = serializers.SerializerMethodField()
    results = serializers.SerializerMethodField()
    endpoint = serializers.SerializerMethodField()
    command = serializers.SerializerMethodField(help_text="measures it again, without a site; empty for endpoints")
    provenance = serializers.JSONField()

    class Meta:
        model = Submission
        fields = (
            *SubmissionOut.Meta.fields,
            "queued_at", "predicted_seconds", "progress", "queue_position", "eta", "results", "endpoint", "command",
            "provenance",
        )  # fmt: skip

    @property
    def _detail(self) -> Detail:
        return self.context["detail"]  # type: ignore[no-any-return]

    @extend_schema_field(ProgressOut())
    def get_progress(self, _: Submission) -> Any:
        return ProgressOut(self._detail.progress).data

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_queue_position(self, _: Submission) -> int | None:
        return self._detail.queue_position

    @extend_schema_field(EtaOut(allow_null=True))
    def get_eta(self, _: Submission) -> Any:
        eta = self._detail.eta
        if eta is None:
            return None
        known = {"seconds": eta.seconds, "at": eta.at, "reason": eta.reason, "accuracy": self._detail.accuracy}
        return EtaOut(known).data

    @extend_schema_field(EndpointOut(allow_null=True))
    def get_endpoint(self, _: Submission) -> Any:
        found = self._detail.endpoint
        return EndpointOut(found).data if found else None

    @extend_schema_field(serializers.CharField(allow_blank=True))
    def get_command(self, submission: Submission) -> str:
        return repeat_command(submission)

    @extend_schema_field(ResultOut(many=True))
    def get_results(self, _: Submission) -> Any:
        return ResultOut(self._detail.results, many=True).data


class RunningOut(ProgressOut):
    """What a worker works on."""

    submission = serializers.IntegerField(source="job.submission_id")
    model = serializers.CharField(source="job.submission.requested_model")
    suite = serializers.CharField(source="job.submission.suite.slug")
    done = serializers.IntegerField(source="progress.done")
    total = serializers.IntegerField(source="progress.total")
    phase = serializers.CharField(source="progress.phase", allow_blank=True)
    items_per_second = serializers.FloatField(source="progress.items_per_second", allow_null=True)


class WorkerOut(serializers.Serializer[Any]):
    """A worker as it describes itself. `trusted`: its results are ranked."""

    name = serializers.CharField(source="worker.name")
    trusted = serializers.BooleanField(source="worker.token.trusted")
    online = serializers.BooleanField()
    last_seen_at = serializers.DateTimeField(source="worker.last_seen_at")
    queues = serializers.ListField(source="worker.queues", child=serializers.CharField())
    engines = serializers.ListField(source="worker.engines", child=serializers.CharField())
    architectures = serializers.ListField(source="worker.architectures", child=serializers.CharField())
    hardware = serializers.CharField(source="worker.hardware", allow_blank=True)
    memory_bytes = serializers.IntegerField(source="worker.memory_bytes", allow_null=True)
    running = serializers.SerializerMethodField()

    @extend_schema_field(RunningOut(allow_null=True))
    def get_running(self, line: WorkerLine) -> Any:
        return RunningOut(line).data if line.job else None


class QueueOut(serializers.Serializer[Any]):
    queue = serializers.CharField(source="name")
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    oldest_waiting_since = serializers.DateTimeField(source="oldest", allow_null=True)
    workers_online = serializers.IntegerField(source="workers")


class BackgroundOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    last_seen_at = serializers.DateTimeField(source="at", allow_null=True)
    working = serializers.BooleanField()


class StatusOut(serializers.Serializer[Any]):
    """The site's state. `bells`: messages about waiting work that nobody has taken up yet."""

    problems = serializers.ListField(child=serializers.CharField())
    workers = WorkerOut(many=True)
    queues = QueueOut(many=True)
    checking = serializers.IntegerField()
    scoring = serializers.IntegerField()
    background = BackgroundOut(many=True)
    bells = serializers.IntegerField()
    oldest_bell_since = serializers.DateTimeField(source="oldest_bell", allow_null=True)
    eta_accuracy = AccuracyOut(source="accuracy", allow_null=True)
