"""A submission in the formats of others, to download."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from leaderboard.api.views import PublicView
from leaderboard.exports import hub_results, lm_eval_files

ZIP, YAML = "application/zip", "application/yaml"


class Zip(BaseRenderer):
    """What callers may accept; the reply is a file."""

    media_type = ZIP
    format = "zip"

    def render(self, data: Any, media_type: str | None = None, context: Any = None) -> bytes:
        raise AssertionError("files are not rendered")


class Yaml(Zip):
    media_type = YAML
    format = "yaml"


class LmEvalFiles(PublicView):
    """A submission as lm-eval's files."""

    renderer_classes = [Zip, JSONRenderer]

    @extend_schema(responses={(200, ZIP): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> FileResponse:
        """Result and sample files as lm-eval 0.4.13 writes them, in one archive."""
        with tempfile.TemporaryDirectory(prefix="parity-export-") as name:
            folder = Path(name)
            written = lm_eval_files.write(pk, folder)
            packed = tempfile.TemporaryFile()  # noqa: SIM115  # the reply closes it
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in written:
                    archive.write(path, path.relative_to(folder))
        packed.seek(0)
        return FileResponse(packed, as_attachment=True, filename=f"submission-{pk}.zip", content_type=ZIP)


class EvalResults(PublicView):
    """A submission as the Hub's evaluation results."""

    renderer_classes = [Yaml, JSONRenderer]

    @extend_schema(responses={(200, YAML): OpenApiTypes.STR})
    def get(self, request: Request, pk: int) -> HttpResponse:
        """YAML for the folder .eval_results of the model's repository on the Hub."""
        url = request.build_absolute_uri(reverse("submission", args=[pk]))
        name = f'attachment; filename="submission-{pk}.yaml"'
        return HttpResponse(hub_results.eval_results(pk, url=url), YAML, headers={"Content-Disposition": name})
