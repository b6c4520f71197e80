"""Which columns of the database hold what people, models and workers say, and how hostile texts get into them.

Every column that can hold a text is in `HOSTILE`, `SHAPED` or `EXCUSED`; a new one fails a test until it is. Texts are
put there by the database itself, past every check of ours: what a page shows must not hang on what was let in.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection, models, transaction

from tests.browser.payloads import PAYLOADS, packed

Shape = Callable[[Any, str], Any]
"""From a column's value and a text: the value with the text in it."""

OURS = "words of ours alone, from a list"
DIGEST = "a digest, made here"
CHECKED = "matched whole against a pattern of letters, digits and a few marks, before it is stored"
NUMBERS = "numbers under names of ours"
SEALED = "encrypted, and shown nowhere"
BYTES = "packed numbers or hashes"
MADE = "written by `tests.browser.attacked` from hostile items: it is packed"


def poisoned(value: Any, text: str) -> Any:
    """The same JSON with every text in it replaced, and one more name and value in each object."""
    if isinstance(value, dict):
        return {name: poisoned(one, text) for name, one in value.items()} | {text: text}
    if isinstance(value, list):
        return [poisoned(one, text) for one in value]
    return text if isinstance(value, str) else value


def values(value: Any, text: str) -> Any:
    """The same object with every text in it replaced, under the names that it has."""
    if isinstance(value, dict):
        return {name: values(one, text) for name, one in value.items()}
    return text if isinstance(value, str) else value


def names(value: Any, text: str) -> Any:
    """An object of texts by texts."""
    return {text: text}


def renamed(value: Any, text: str) -> Any:
    """The same values under the text as their name, numbered."""
    return {f"{text}{place}": one for place, one in enumerate((value or {}).values())}


def listed(value: Any, text: str) -> Any:
    return [text]


def titled(value: Any, text: str) -> Any:
    """A suite's definition with other titles and another description."""
    tasks = [{**task, "title": text} for task in value.get("tasks", [])]
    return {**value, "title": text, "description": text, "tasks": tasks}


def thinking(value: Any, text: str) -> Any:
    """Settings whose end of a thought is the text."""
    return {**value, "think_end": text}


def cells(value: Any, text: str) -> Any:
    """What an import says of its tasks, none of which could be measured."""
    return {task: {"unavailable": text} for task in value}


HOSTILE = {
    "User": ["username", "first_name", "last_name", "email"],
    "EmailAddress": ["email"],
    "UserSession": ["user_agent"],
    "SocialAccount": ["uid"],
    "Owner": ["name"],
    "ApiToken": ["name"],
    "WorkerToken": ["name"],
    "Worker": ["name", "hardware"],
    "Audit": ["actor", "action", "subject", "reason"],
    "Model": ["name", "licence", "base_model"],
    "Fact": ["source"],
    "Price": ["source", "source_url"],
    "Revision": ["architecture", "model_type", "dtype", "served", "fingerprint", "base_name"],
    "Suite": ["title", "description"],
    "SuiteTask": ["title"],
    "Submission": ["requested_model", "requested_revision", "error_code", "error_message", "unranked_reason"],
    "Job": ["architecture", "log"],
    "Event": ["actor", "reason"],
    "Workload": ["name"],
    "WorkloadVersion": ["note"],
    "WorkloadDraft": ["file_name"],
    "Endpoint": ["base_url", "served"],
    "ProviderOrigin": ["served", "provider", "source"],
    "Watch": ["problem"],
    "Follow": ["model", "problem"],
    "RoutineRun": ["said", "problem"],
    "Judging": ["rubric"],
    "Claim": ["slug", "text", "who", "url", "quotation", "withdrawn_reason"],
    "Remark": ["task", "reason", "evidence", "by"],
    "HiddenTexts": ["reason"],
    "Import": ["title", "url"],
    "Imported": ["key", "precision", "unranked_reason"],
    "Webhook": ["url"],
    "Delivery": ["last_error"],
    "Result": ["unavailable"],
    "SiteState": ["banner"],
}
"""Columns that hold one text."""

SHAPED: dict[str, dict[str, Shape]] = {
    "SocialAccount": {"extra_data": poisoned},
    "Worker": {"architectures": listed},
    "Model": {"modalities": listed},
    "Fact": {"value": values, "replaced": values},
    "Price": {"detail": poisoned},
    "Suite": {"definition": titled},
    "Submission": {"settings": thinking, "provenance": poisoned},
    "WorkloadVersion": {"excluded": values},
    "WorkloadSuite": {"tags": renamed},
    "EndpointUse": {"headers": names},
    "Import": {"report": poisoned},
    "Imported": {"settings": poisoned, "tasks": cells, "facts": poisoned},
}
"""Columns of JSON, and where in it texts are."""

EXCUSED: dict[str, dict[str, str]] = {
    "User": {"password": "a hash"},
    "EmailConfirmation": {"key": DIGEST},
    "UserSession": {"session_key": DIGEST, "data": "nothing is kept there"},
    "SocialAccount": {"provider": OURS},
    "SocialApp": dict.fromkeys(
        ("provider", "provider_id", "name", "client_id", "secret", "key", "settings"), "providers come from settings"
    ),
    "SocialToken": dict.fromkeys(("token", "token_secret"), "none is stored"),
    "Authenticator": {"type": OURS, "data": SEALED},
    "Session": {"session_key": DIGEST, "session_data": "signed, and shown nowhere"},
    "Owner": {"kind": OURS, "skeleton": "how a name looks: only compared"},
    "Usage": {"period": OURS},
    "Membership": {"role": OURS},
    "ApiToken": {"digest": DIGEST, "scopes": OURS},
    "WorkerToken": {"digest": DIGEST},
    "Worker": {"queues": OURS, "engines": OURS},
    "Audit": {"digest": DIGEST},
    "Model": {"organisation": "made of the name", "kind": OURS, "licence_family": OURS, "training": OURS},
    "Fact": {"field": OURS, "origin": OURS},
    "Revision": {
        "sha": CHECKED,
        "base_sha": CHECKED,
        "source": OURS,
        "origin": "an address, taken apart and put together again",
    },
    "Bundle": {"digest": DIGEST, "data": "an archive that workers unpack"},
    "Suite": {"name": CHECKED, "slug": CHECKED},
    "SuiteTask": dict.fromkeys(("task", "metric", "filter"), "names of lm-eval, from files of the operator"),
    "Submission": {"settings_digest": DIGEST, "state": OURS, "trace": "made by OpenTelemetry, and shown nowhere"},
    "Follow": {"settings_digest": DIGEST, "seen": CHECKED, "settings": "as a submission's, and shown nowhere"},
    "RoutineRun": {"name": OURS},
    "Job": dict.fromkeys(("kind", "queue", "engine", "state", "phase"), OURS)
    | {"token_digest": DIGEST, "results_digest": DIGEST, "spent": NUMBERS, "share": "names of the suite's tasks"},
    "Event": {"before": OURS, "after": OURS, "digest": DIGEST},
    "Outbox": {"kind": OURS, "queue": OURS},
    "WorkloadItems": {"digest": DIGEST, "form": OURS, "report": MADE},
    "WorkloadPart": {"data": MADE},
    "WorkloadVersion": {"scoring": MADE},
    "WorkloadDraft": {"form": OURS, "report": MADE},
    "DraftPart": {"data": MADE},
    "WorkloadSuite": {"places": BYTES},
    "WorkloadAnswers": dict.fromkeys(("flags", "tokens_in", "tokens_out"), BYTES),
    "EarlyLook": {"scores": BYTES},
    "BakeoffShare": {"digest": DIGEST},
    "Judging": {"salt": DIGEST, "form": OURS, "places": BYTES},
    "Judge": {"codes": BYTES, "kin": "sentences of ours, with names of models, which are hostile where they are kept"},
    "Endpoint": {"origin": "an address, taken apart and put together again", "protocol": OURS, "sealed_key": SEALED},
    "EndpointUse": {"sealed_key": SEALED, "report": NUMBERS, "estimate": NUMBERS},
    "ProviderOrigin": {"origin": "an address, taken apart and put together again"},
    "EndpointHour": {"latency": NUMBERS},
    "DriftCheck": {"task": "a task of the suite", "word": OURS},
    "Claim": {"terms": "read strictly; its texts are names of suites, tasks and models"},
    "Remark": {"kind": OURS},
    "HiddenTexts": {"task": "a task of a suite"},
    "Import": {"source": OURS, "digest": DIGEST},
    "Imported": {"source": OURS, "digest": DIGEST},
    "ImportedResult": {"item_scores": BYTES},
    "KeptReply": dict.fromkeys(("key", "digest", "body"), "a reply of the API, sent again to who got it"),
    "Webhook": {"secret": SEALED},
    "Delivery": {"email": "the address of a person, checked; it is shown to that person", "state": OURS},
    "Pulse": {"part": OURS},
    "ItemSet": {"digest": DIGEST, "hashes": BYTES},
    "Result": {"item_scores": BYTES},
    "SampleChunk": {"digest": DIGEST, "path": "made here", "tasks": NUMBERS, "unextracted": NUMBERS},
    "ResponsePart": dict.fromkeys(("identity", "digest"), DIGEST) | {"path": "made here"},
    "Snapshot": {"digest": DIGEST, "columns": "built of the rows, by every round"},
}
"""Columns that no hostile text gets into, and why not."""

ONLY: dict[str, dict[str, Any]] = {
    "Result": {"score": None},
    "Delivery": {"state": "dead"},
}
"""Rows that may hold such a text, where not all do."""
APPS = ("leaderboard", "account", "mfa", "socialaccount", "usersessions", "sessions")
TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField, models.GeneratedField)


def columns() -> dict[str, set[str]]:
    """Every column that can hold a text, by model."""
    found: dict[str, set[str]] = defaultdict(set)
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            for column in model._meta.concrete_fields:
                if isinstance(column, TEXTS):
                    found[model.__name__].add(column.name)
    return dict(found)


def known() -> dict[str, set[str]]:
    """Every column that this file speaks of, by model."""
    found: dict[str, set[str]] = defaultdict(set)
    for listing in (HOSTILE, SHAPED, EXCUSED):
        for model, fields in listing.items():
            found[model] |= set(fields)
    return dict(found)


def models_by_name() -> dict[str, type[models.Model]]:
    return {model.__name__: model for app in APPS for model in apps.get_app_config(app).get_models()}


@dataclass
class Placed:
    """Which payloads stood in which columns so far, by "Model.column"."""

    payloads: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, column: str, text: str) -> None:
        self.payloads[column] |= {one for one in PAYLOADS if storable(one) in text}

    @property
    def pairs(self) -> int:
        return sum(map(len, self.payloads.values()))

    def lacking(self) -> dict[str, int]:
        """Columns in which some payload has not stood that fits there, and how many."""
        short: dict[str, int] = {}
        for column, limit in places():
            fits = {one for one in PAYLOADS if limit is None or len(storable(one)) <= limit}
            if missing := fits - self.payloads[column]:
                short[column] = len(missing)
        return short


def storable(text: str) -> str:
    """A database keeps no NUL."""
    return text.replace("\x00", "\ufffd")


def places() -> Iterator[tuple[str, int | None]]:
    """Each column that takes hostile texts, and how many characters it holds; None: any number."""
    known_models = models_by_name()
    for model, fields in HOSTILE.items():
        for name in fields:
            yield f"{model}.{name}", known_models[model]._meta.get_field(name).max_length  # type: ignore[union-attr]
    for model, shapes in SHAPED.items():
        for name, shape in shapes.items():
            yield f"{model}.{name}", THOUGHT if shape is thinking else None


THOUGHT = 100
"""Characters that the end of a thought has at most: settings with more are not read."""
WIDE = 300
"""Characters that every column holds while all payloads are put into all of them: also those that would not fit."""
OWN = {
    "Model.name", "Claim.slug", "Claim.text", "Claim.who", "Claim.url", "Imported.precision",
    "Imported.unranked_reason", "WorkloadVersion.note",
}  # fmt: skip
"""Columns that stay as they are: the database makes others of them, or its triggers watch them."""


@contextmanager
def widened() -> Iterator[None]:
    """Columns of texts that hold WIDE characters at least; in the end the tables are empty and as they were."""
    narrow = [
        models_by_name()[model]._meta.get_field(name)
        for model, fields in HOSTILE.items()
        for name in fields
        if f"{model}.{name}" not in OWN
    ]
    narrow = [one for one in narrow if (one.max_length or WIDE) < WIDE]
    own = {one: one.max_length for one in narrow}
    for one in narrow:
        resize(one, WIDE)
    try:
        yield
    finally:
        call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
        for one in narrow:
            resize(one, own[one])


def resize(column: Any, limit: int) -> None:
    """Let a column hold `limit` characters, in the database and as Django knows it."""
    table, name = column.model._meta.db_table, column.column
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{name}" TYPE varchar({limit})')
    column.max_length = limit


def rounds() -> int:
    """After so many rounds every payload has stood in every column that holds it: each row has other texts."""
    rows = {name: len(hostile_rows(name)) for name in {**HOSTILE, **SHAPED}}
    return max(ceil(len(packed(limit)) / rows[column.partition(".")[0]]) for column, limit in places())


def hostile_rows(model: str) -> list[Any]:
    """The rows that hostile texts are put into."""
    rows = list(models_by_name()[model]._base_manager.filter(**ONLY.get(model, {})).order_by("pk"))
    assert rows, f"There is no {model} to be hostile: tests.browser.attacked has to make one."
    return rows


@transaction.atomic
def place(number: int, placed: Placed) -> None:
    """Round `number`: other hostile texts in every column and row, past triggers and checks of ours."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    limits = dict(places())
    for name, model in models_by_name().items():
        plain, shaped = HOSTILE.get(name, []), SHAPED.get(name, {})
        if not plain and not shaped:
            continue
        rows = hostile_rows(name)
        for column in [*plain, *shaped]:
            limit = limits[f"{name}.{column}"]
            texts = [storable(text) for text in packed(limit)]
            free_names(model, column, rows)
            for at, row in enumerate(rows):
                text = texts[(number * len(rows) + at) % len(texts)]
                shape = shaped.get(column)
                setattr(row, column, shape(getattr(row, column), text) if shape else text)
                placed.note(f"{name}.{column}", text)
        model._base_manager.bulk_update(rows, [*plain, *shaped])


def free_names(model: type[models.Model], column: str, rows: list[Any]) -> None:
    """Where a column is unique, take its values away first: one row's new text may be another's old one."""
    unique = {name for one in model._meta.constraints for name in getattr(one, "fields", ())}
    if column in unique or getattr(model._meta.get_field(column), "unique", False):
        for row in rows:
            model._base_manager.filter(pk=row.pk).update(**{column: f"#{row.pk}"})
