"""Pin what was asked for, describe it, and queue it, or say plainly why not."""

import hashlib
import logging
from collections.abc import Iterable
from datetime import timedelta

import msgspec
from django.conf import settings as site
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from evaluator import hub
from evaluator.contract import Settings
from evaluator.suites import images
from leaderboard.actions import ring
from leaderboard.actions.catalogue import empty, settle
from leaderboard.actions.quota import SITE_CODES
from leaderboard.actions.shards import shards_of
from leaderboard.actions.text import storable
from leaderboard.actions.transitions import IllegalMove, move_submission
from leaderboard.actions.turns import place
from leaderboard.imports import licences
from leaderboard.models import Event, Job, Model, Outbox, Revision, Submission, Suite
from leaderboard.models.submissions import LIVE
from leaderboard.queries.hosts import online
from leaderboard.queries.waiting import prediction

log = logging.getLogger(__name__)

ACTOR = "validator"
HUB_RETRY = timedelta(seconds=30)
MESSAGE_LIMIT = 2_000


class Rejected(Exception):
    """The model cannot be evaluated here: a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def validate(*, submission: int) -> None:
    """Move a validating submission on; does nothing when it is no longer validating (a bell rung twice)."""
    waiting = Submission.everything.filter(
        pk=submission, state="validating", use=None
    )  # endpoints have their preflight
    row = waiting.select_related("suite", "owner__user").first()
    if row is None:
        return
    try:
        look(row)
    except IllegalMove:
        log.info("Submission %s was moved by somebody else while it was validated.", submission)


def look(row: Submission) -> None:
    """Queue or reject it, or look again later; raises IllegalMove when somebody else moved it meanwhile."""
    try:
        pinned = hub.pin(
            row.requested_model,
            row.requested_revision,
            mirrors=site.HUB_MIRRORS,
            token=site.HUB_TOKEN,
            endpoint=site.HUB_ENDPOINT,
            cache=site.STATE_DIR / "hashes",
        )
        settings = msgspec.convert(row.settings, Settings)
        check_runnable(pinned, settings)
        check_thinking(settings, row.suite.tasks.values_list("title", "metric"))
        check_adapter(row.suite, pinned, settings)
        check_images(row.suite, pinned, settings)
        accept(row, pinned)
    except hub.HubError as error:
        if error.code == "hub_unreachable" and patient(row):
            postpone(row=row, reason=error.message)
        else:
            reject(row=row, code=error.code, message=error.message)
    except Rejected as error:
        reject(row=row, code=error.code, message=error.message)
    except (IllegalMove, OperationalError, InterfaceError):
        raise  # with the database away, the bell rings again
    except Exception as error:  # a repository may say anything of itself; no submission waits for ever because of it
        log.exception("Submission %s cannot be validated.", row.pk)
        message = f"{row.requested_model} could not be checked: {type(error).__name__}. The site's log has the details."
        reject(row=row, code="validation_failed", message=message)


def check_runnable(pinned: hub.PinnedModel, settings: Settings) -> None:
    """Raise Rejected for what no worker of this site can run."""
    if pinned.architecture and not pinned.architecture.endswith(
        ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
    ):
        raise Rejected(
            "unsupported_architecture",
            f"{pinned.name} is a {pinned.architecture}; the engines here run text-generating models "
            "(…ForCausalLM, …ForConditionalGeneration).",
        )
    if pinned.parameters is not None and pinned.parameters > site.MAX_PARAMETERS:
        raise Rejected(
            "too_large",
            f"{pinned.name} has {pinned.parameters / 1e9:.1f} billion parameters; this site evaluates up to "
            f"{site.MAX_PARAMETERS / 1e9:g} billion (PARITY_MAX_PARAMETERS).",
        )
    if settings.apply_chat_template and not pinned.chat_template:
        raise Rejected("no_chat_template", f"{pinned.name} has no chat template; submit it without one.")


LIKELIHOOD_METRICS = frozenset(
    {
        "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "mc1", "mc2", "brier_score", "perplexity",
        "word_perplexity", "byte_perplexity", "bits_per_byte", "likelihood_diff",
    }
)  # fmt: skip
"""Of tasks that compare log-likelihoods, in lm-eval; the worker looks at the tasks themselves before it loads one."""


def check_thinking(settings: Settings, tasks: Iterable[tuple[str, str]]) -> None:
    """Raise Rejected for a model that is to think where it cannot; `tasks`: titles and metrics."""
    if settings.thinking_tokens and not settings.end_of_thought:
        raise Rejected(
            "thinking_unmarked", "Tokens for thinking need thinking to be on, or think_end: what ends a thought."
        )
    if not settings.thinking:
        return
    if not settings.apply_chat_template:
        raise Rejected("thinking_without_template", "Models are told to think by their chat template: apply it too.")
    early = [title for title, metric in tasks if metric in LIKELIHOOD_METRICS]
    if early:
        raise Rejected(
            "thinking_with_likelihoods",
            f"{', '.join(early)} compare log-likelihoods of given answers, before which no model thinks. Submit it "
            "without thinking, or choose a suite of generated answers.",
        )


def check_adapter(suite: Suite, pinned: hub.PinnedModel, settings: Settings) -> None:
    """Raise Rejected for an adapter where only whole models can be run."""
    if pinned.base is None:
        return
    if settings.engine != "vllm":
        raise Rejected(
            "adapter_needs_vllm",
            f"{pinned.name} is an adapter on {pinned.base.name}, and the engine {settings.engine} runs none here "
            "(it would need the package peft). Submit it for the engine vllm, or merge it into its base.",
        )
    if shows_images(suite):
        raise Rejected(
            "adapter_without_images",
            f"{suite.slug} shows images, and {pinned.name} is an adapter, which runs on texts alone here. Merge it "
            "into its base and submit the result.",
        )


def check_images(suite: Suite, pinned: hub.PinnedModel, settings: Settings) -> None:
    """Raise Rejected where the suite shows images, and the model, the settings or the workers that are there cannot."""
    if not shows_images(suite):
        return
    if "image" not in pinned.modalities:
        raise Rejected(
            "no_images",
            f"{suite.slug} shows images, and {pinned.name} reads none: its config.json has no vision_config.",
        )
    if settings.engine != "vllm":
        raise Rejected(
            "no_images", f"{suite.slug} shows images, which only the engine vllm does here; choose that one."
        )
    serving = [worker for worker in online() if site.JOB_QUEUE in worker.queues]
    if serving and not any(images.ENGINE in worker.engines for worker in serving):
        raise Rejected(
            "no_images_here",
            f"{suite.slug} shows images, which no worker of this site that is online can: it needs "
            f"{' and '.join(images.NEEDED)} beside vLLM.",
        )


def shows_images(suite: Suite) -> bool:
    return any(images.shows(task) for task in suite.tasks.values_list("task", flat=True))


def accept(row: Submission, pinned: hub.PinnedModel) -> None:
    """Queue it; an equal live submission rejects it."""
    try:
        enter(row=row, pinned=pinned)
    except IntegrityError:
        other = Submission.everything.filter(
            revision__model__name=pinned.name, revision__sha=pinned.sha, suite=row.suite,
            revision__base_sha=pinned.base.sha if pinned.base else "",
            settings_digest=row.settings_digest, state__in=LIVE,
        ).exclude(pk=row.pk).first()  # fmt: skip
        if other is None:  # it ended at this moment
            enter(row=row, pinned=pinned)
            return
        message = f"Submission {other.pk} already evaluates this revision on {row.suite.slug}."
        reject(row=row, code="duplicate_submission", message=message)


@transaction.atomic
def enter(*, row: Submission, pinned: hub.PinnedModel) -> None:
    """Record the revision, queue its job, or its shards, and note when it is expected to end; raises
    IntegrityError while an equal submission is live."""
    revision = record_revision(pinned, private=row.suite.owner_id is not None)
    settings = msgspec.convert(row.settings, Settings)
    move_submission(
        submission=row.pk, before="validating", after="queued", actor=ACTOR, reason=pinned_to(pinned),
        revision=revision, queued_at=Now(),
    )  # fmt: skip
    engine = images.ENGINE if shows_images(row.suite) else settings.engine
    shards, jobs = shards_of(row), []
    for shard in range(shards):
        job = Job.everything.create(
            submission=row, queue=site.JOB_QUEUE, not_before=Now(), engine=engine, architecture=revision.architecture,
            needs_bytes=memory_for(pinned, settings), limit_seconds=site.JOB_LIMIT_SECONDS, shard=shard, shards=shards,
            kind=Job.Kind.SHARD if shard else Job.Kind.EVALUATION, **place(owner=row.owner, queue=site.JOB_QUEUE),
        )  # fmt: skip
        ring.enqueue(kind=Outbox.Kind.JOB, subject=job.pk, queue=job.queue)
        jobs.append(job)
    Submission.everything.filter(pk=row.pk).update(predicted_seconds=prediction(jobs[0]))


def pinned_to(pinned: hub.PinnedModel) -> str:
    """For the submission's history."""
    return f"pinned to {pinned.sha}" + (f" on {pinned.base.sha}" if pinned.base else "")


OVERHEAD = 1.2
"""Memory beside the weights: activations and a small key-value cache, as a share of the weights."""
WIDTH = {"float32": 4, "bfloat16": 2, "float16": 2}


def memory_for(pinned: hub.PinnedModel, settings: Settings) -> int:
    """Bytes that a worker needs for this model at these settings; 0 when nobody knows its size.

    The weights on disk, or parameters times the width of a number where the settings ask for another one.
    """
    size = pinned.size_bytes or 0
    if settings.dtype in WIDTH and pinned.parameters:
        size = pinned.parameters * WIDTH[settings.dtype]
        if pinned.base is not None:
            size += pinned.size_bytes - pinned.base.size_bytes
    return countable(int(size * OVERHEAD), 2**62) or 0


def record_revision(pinned: hub.PinnedModel, *, private: bool = False) -> Revision:
    """The catalogue's rows for a pinned model; facts of an already known revision are refreshed.

    Of what the repository does not say, an import's word stays, and what the staff stated stays in any case. `private`:
    for a workload, so that rows which are new stay hidden.
    """
    known = said_of(pinned)
    model, _ = Model.everything.update_or_create(
        name=pinned.name,
        defaults=known if private else {**known, "hidden": False},
        create_defaults={**known, "hidden": private},
    )
    settle(models=[model.pk])
    facts = {
        "source": pinned.source,
        "architecture": fitting(pinned.architecture, 200),
        "model_type": fitting(pinned.model_type, 100),
        "dtype": fitting(pinned.dtype, 20),
        "parameters": countable(pinned.parameters, 2**63),
        "active_parameters": countable(pinned.active_parameters, 2**63),
        "context_length": countable(pinned.context_length, 2**31),
        "size_bytes": countable(pinned.size_bytes, 2**63),
        "chat_template": pinned.chat_template,
        "gated": pinned.gated,
        "base_name": pinned.base.name if pinned.base else "",
    }
    revision, _ = Revision.everything.update_or_create(
        model=model,
        sha=pinned.sha,
        base_sha=pinned.base.sha if pinned.base else "",
        defaults=facts if private else {**facts, "hidden": False},
        create_defaults={**facts, "hidden": private},
    )
    return revision


def said_of(pinned: hub.PinnedModel) -> dict[str, object]:
    """What a repository says of its model, by column; nothing of what it leaves open."""
    licence = fitting(pinned.licence, 100)
    said = {
        "licence": licence,
        "licence_family": licences.family(licence),
        "base_model": fitting(pinned.base_model or "", 200),
        "modalities": list(pinned.modalities),
        "released_on": pinned.created,
    }
    return {column: value for column, value in said.items() if not empty(value)}


def fitting(text: str, limit: int) -> str:
    """What a repository says of itself, cut to the column: a name of 300 characters is no reason to refuse a model."""
    return str(storable(text[:limit]))


def countable(number: int | None, limit: int) -> int | None:
    """A number below `limit`; a larger one is a mistake of the repository, and unknown."""
    return number if number is not None and 0 <= number < limit else None


def patient(row: Submission) -> bool:
    """Whether an unreachable Hub may still come back for this submission."""
    return timezone.now() - row.created_at < timedelta(seconds=site.HUB_PATIENCE_SECONDS)


@transaction.atomic
def postpone(*, row: Submission, reason: str) -> None:
    """Leave it validating, say why once, and look again later; raises IllegalMove when it is not validating any more:
    a bell that nothing waits for would ring for ever."""
    reason = fitting(reason, MESSAGE_LIMIT)
    told = Submission.everything.select_for_update(no_key=True).filter(pk=row.pk, state="validating").first()
    if told is None:
        raise IllegalMove(f"Submission {row.pk}", "validating")
    if told.error_message != reason:
        Submission.everything.filter(pk=row.pk).update(error_code="hub_unreachable", error_message=reason)
        Event.objects.create(
            submission=row, actor=ACTOR, before="validating", after="validating", reason="hub_unreachable",
            digest=hashlib.sha256(reason.encode()).hexdigest(),
        )  # fmt: skip
    ring.enqueue(kind=Outbox.Kind.VALIDATE, subject=row.pk, delay=HUB_RETRY)


@transaction.atomic
def reject(*, row: Submission, code: str, message: str) -> None:
    """End a submission that cannot be evaluated. The message may quote what a repository says of itself."""
    message = fitting(message, MESSAGE_LIMIT)
    move_submission(
        submission=row.pk, before="validating", after="rejected", actor=ACTOR, reason=code,
        digest=hashlib.sha256(message.encode()).hexdigest(), error_code=code, error_message=message,
        refund=code in SITE_CODES,
    )  # fmt: skip
