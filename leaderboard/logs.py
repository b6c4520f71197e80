"""Log lines as JSON (`PARITY_LOG=json`): one object a line, with the request that caused it. No bodies, no secrets."""

import logging

from pythonjsonlogger.json import JsonFormatter

from evaluator import tracing
from leaderboard.observed import request_id


class Named(logging.Filter):
    """Gives each record its request's name and its trace, where there are such."""

    def filter(self, record: logging.LogRecord) -> bool:
        if name := request_id.get():
            record.request_id = name
        if trace := tracing.trace_id():
            record.trace_id = trace
        return True


class Lines(JsonFormatter):
    """time, level, logger, message, request_id, trace_id, and whatever the code named beside (`extra`)."""

    def __init__(self) -> None:
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
