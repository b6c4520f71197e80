"""OpenAPI 3.1 of the public API; the worker API is the contract's and has no schema here.

`manage.py write_schema` writes it to openapi.json, which is checked in: whoever changes the API sees what changes for
its callers.
"""

import json
from pathlib import Path
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

CHECKED_IN = Path(__file__).parent / "openapi.json"


def public_routes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Keep the routes below /api/v1/."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def written() -> str:
    """The document as it is checked in."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


class Schema(SpectacularAPIView):
    """The schema, as YAML or with ?format=json as JSON. It has one version: what callers ask for is not repeated."""

    def _get_version_parameter(self, _: Any) -> None:
        return None


class Docs(SpectacularSwaggerView):
    """The schema to read and try; works without internet."""

    url_name = "api-schema"
    template_name_js = "drf_spectacular/swagger_ui.js"


class BearerScheme(OpenApiAuthenticationExtension):
    """How the schema tells readers to authenticate."""

    target_class = "leaderboard.api.authentication.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API token, parity_..."}
