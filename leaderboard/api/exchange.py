"""A submission in the formats of others, to download."""

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.tables import CSV
from leaderboard.api.views import PublicView
from leaderboard.exports import hub_results, lm_eval_files, report
from leaderboard.queries.samples import submission_with_samples

PART = 2**18
ZIP, YAML = "application/zip", "application/yaml"


class Zip(CSV):
    """What callers may accept; the reply is a file."""

    media_type = ZIP
    format = "zip"


class Yaml(Zip):
    media_type = YAML
    format = "yaml"


class LmEvalFiles(PublicView):
    """A submission as lm-eval's files."""

    renderer_classes = [Zip, JSONRenderer]

    @extend_schema(responses={(200, ZIP): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """Result and sample files as lm-eval 0.4.13 writes them, in one archive."""
        submission_with_samples(pk)  # raises before anything is sent
        name = f'attachment; filename="submission-{pk}.zip"'
        return StreamingHttpResponse(archived(pk), content_type=ZIP, headers={"Content-Disposition": name})


def archived(pk: int) -> Iterator[bytes]:
    """The archive, made on disk once somebody reads it: memory does not grow with the samples."""
    with tempfile.TemporaryDirectory(prefix="parity-export-") as name, tempfile.TemporaryFile() as packed:
        folder = Path(name)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in lm_eval_files.write(pk, folder):
                archive.write(path, path.relative_to(folder))
        packed.seek(0)
        while part := packed.read(PART):
            yield part


class Report(PublicView):
    """A submission as `parity run` writes it."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, pk: int) -> Response:
        """What `parity verify` runs again and compares: model, suite, settings, tasks with their items, provenance."""
        return Response(report.report(pk))


class EvalResults(PublicView):
    """A submission as the Hub's evaluation results."""

    renderer_classes = [Yaml, JSONRenderer]

    @extend_schema(responses={(200, YAML): {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """YAML for the folder .eval_results of the model's repository on the Hub."""
        url = request.build_absolute_uri(reverse("submission", args=[pk]))
        name = f'attachment; filename="submission-{pk}.yaml"'
        return HttpResponse(hub_results.eval_results(pk, url=url), YAML, headers={"Content-Disposition": name})
