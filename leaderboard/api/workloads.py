"""Workloads in the public API: one's own prompts, for oneself alone."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evaluator.contract import ContractError, decode
from leaderboard.actions.delete_workload import delete_workload
from leaderboard.actions.errors import Refused
from leaderboard.actions.keep_workload import make_workload, make_workload_of_file
from leaderboard.actions.workload_items import NAME
from leaderboard.api import paging
from leaderboard.api.once import once
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.parsing import FileForm, StrictJSON
from leaderboard.api.strict import Strict
from leaderboard.api.views import PublicView, token_of
from leaderboard.models import Audit, Workload, WorkloadVersion
from leaderboard.queries import workloads
from leaderboard.workloads.formats import NAMES
from leaderboard.workloads.records import Mapping
from leaderboard.workloads.upload import Upload

MOST = 20_000
"""Items of one request, which is at most a megabyte anyway."""


class WorkloadIn(Strict):
    name = serializers.CharField(max_length=NAME, help_text="the same name again makes the next version")
    items = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=MOST,
        help_text="each with prompt or messages, and reference, tags, id, choices, production, system, settings",
    )
    scoring = serializers.DictField(
        help_text='such as {"kind": "exact"}, regex, contains, number, json, tool_calls, choice, rouge, chrf, judge'
    )
    mask = serializers.BooleanField(default=False, help_text="replace e-mail addresses, phone numbers and keys")
    leave_out = serializers.BooleanField(default=False, help_text="leave out items that cannot be scored so")


class JsonText(serializers.CharField):
    """JSON as a text, in a form; read as strictly as a body."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            found = decode(str(super().to_internal_value(data)).encode(), dict[str, Any])
        except ContractError as error:
            raise serializers.ValidationError(f"It is no JSON object: {str(error)[:160]}") from error
        return found


@extend_schema_field(OpenApiTypes.BINARY)
class FileBody(serializers.FileField):
    """A file, as a form sends it."""


class WorkloadFileIn(Strict):
    name = serializers.CharField(max_length=NAME, help_text="the same name again makes the next version")
    file = FileBody(help_text="JSON lines, CSV, a log of OpenAI chats, or promptfoo tests; UTF-8")
    scoring = JsonText(help_text='JSON, such as {"kind": "exact"}')
    format = serializers.ChoiceField(choices=list(NAMES), required=False, help_text="guessed where it is not said")
    mapping = JsonText(required=False, help_text='JSON, such as {"prompt": "question", "reference": "answer"}: which '
                       "column is what; guessed by their names without it")  # fmt: skip
    mask = serializers.BooleanField(default=False, help_text="replace e-mail addresses, phone numbers and keys")
    leave_out = serializers.BooleanField(default=False, help_text="leave out items that cannot be scored so")


class NoteOut(serializers.Serializer[Any]):
    """Something worth knowing about an item, which is none of what it says."""

    item = serializers.IntegerField(help_text="from 1; 0: of all of them")
    field = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    message = serializers.CharField()


class WorkloadVersionOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    items = serializers.IntegerField(source="items.n")
    counted = serializers.IntegerField(help_text="items less those that are left out")
    digest = serializers.CharField(source="items.digest", help_text="SHA-256 of the items as stored")
    scoring = serializers.DictField()
    masked = serializers.BooleanField(source="items.masked")
    notes = serializers.DictField(source="items.report.counts", child=serializers.IntegerField())
    created_at = serializers.DateTimeField()


class WorkloadDetailOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    versions = WorkloadVersionOut(many=True)


class WorkloadMade(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    version = WorkloadVersionOut()
    notes = NoteOut(many=True)


class WorkloadOut(serializers.ModelSerializer[Workload]):
    newest = serializers.IntegerField()

    class Meta:
        model = Workload
        fields = ("id", "name", "newest", "created_at")


class ReceiptOut(serializers.ModelSerializer[Audit]):
    class Meta:
        model = Audit
        fields = ("at", "subject", "reason", "digest")


class Workloads(ListView):
    """Your workloads; POST makes one, or the next version of one."""

    parser_classes = (StrictJSON, FileForm)
    shape = WorkloadOut
    parameters = paging.PARAMETERS

    @extend_schema(responses={200: page_of(WorkloadOut)})
    def get(self, request: Request) -> Response:
        """Your workloads, newest first. Nobody else sees that they are there."""
        return self.listed(request, workloads.workloads(token_of(request).owner))

    @extend_schema(
        request={"application/json": WorkloadIn, "multipart/form-data": WorkloadFileIn}, responses={201: WorkloadMade}
    )
    @once
    def post(self, request: Request) -> Response:
        """Your own prompts, in the body or as a file, with the way in which answers are scored. Nothing is stored where
        one item is wrong."""
        token = token_of(request)
        if isinstance(request.data, QueryDict):
            version = made_of_file(request)
        else:
            body = WorkloadIn(data=request.data)
            body.is_valid(raise_exception=True)
            version = make_workload(owner=token.owner, maker=token.user, **body.validated_data)
        return Response(WorkloadMade(made(version)).data, status=201, headers={"Cache-Control": "no-store"})


def made_of_file(request: Request) -> WorkloadVersion:
    """The version that a form with a file makes; raises Refused."""
    token = token_of(request)
    body = WorkloadFileIn(data=request.data)
    body.is_valid(raise_exception=True)
    asked = body.validated_data
    mapping = mapping_of(asked["mapping"]) if "mapping" in asked else None
    file = asked["file"]
    upload = Upload(
        file.file, name=file.name or "", form=asked.get("format", ""), mapping=mapping, mask=asked["mask"]
    )  # fmt: skip
    return make_workload_of_file(
        owner=token.owner, maker=token.user, name=asked["name"], upload=upload, scoring=asked["scoring"],
        leave_out=asked["leave_out"],
    )  # fmt: skip


def mapping_of(said: dict[str, Any]) -> Mapping:
    """Which column is what; raises Refused for what no column can be."""
    known = vars(Mapping())
    for name, column in said.items():
        if name not in known:
            raise Refused("bad_mapping", f"A column is one of {', '.join(known)}, not {name[:40]!r}.", field="mapping")
        if not isinstance(column, str) or "\x00" in column:
            raise Refused("bad_mapping", "It is the name of a column, or a text.", field=f"mapping.{name}")
    return Mapping(**said)


class WorkloadDetail(PublicView):
    """One workload."""

    shape = WorkloadDetailOut

    @extend_schema(responses={200: WorkloadDetailOut})
    def get(self, request: Request, pk: int) -> Response:
        """One of your workloads with all its versions."""
        found = workloads.versions(token_of(request).owner, pk)
        workload = found[0].workload
        return Response(WorkloadDetailOut({"id": workload.pk, "name": workload.name, "versions": found}).data)

    @extend_schema(responses={200: ReceiptOut})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete one of your workloads, every version and item; the reply is the receipt."""
        return Response(ReceiptOut(delete_workload(owner=token_of(request).owner, workload=pk)).data)


def made(version: WorkloadVersion) -> dict[str, Any]:
    """As WorkloadMade says."""
    notes = [{"item": one["line"], **{key: one[key] for key in ("field", "code", "message")}}
             for one in version.items.report["notes"]]  # fmt: skip
    return {"id": version.workload_id, "version": version, "notes": notes}
