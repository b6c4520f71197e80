"""Bodies of the public API: JSON, read by the contract's strict decoder (nesting is limited, NaN is no number), and
forms with a file, of which never more is taken than may be."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from evaluator.contract import ContractError, decode
from leaderboard.actions.errors import Refused
from leaderboard.uploads import TOO_LARGE, limited

MAX_BYTES = 1_000_000
"""DRF reads the stream itself, so Django's own limit does not apply here."""


class StrictJSON(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ParseError(f"The body has more than {MAX_BYTES:,} bytes.")
        try:
            return decode(body, Any)
        except ContractError as error:
            raise ParseError(f"The body is not JSON: {error}") from error


class FileForm(MultiPartParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        assert parser_context is not None
        handler = limited(parser_context["request"]._request)
        found = super().parse(stream, media_type, parser_context)
        if handler.over:
            raise Refused("too_large", TOO_LARGE, field="file")
        return found
