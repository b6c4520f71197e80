"""Log lines as JSON (`PARITY_LOG=json`): one object a line, with the request that caused it. No bodies, no secrets."""

import logging

from pythonjsonlogger.json import JsonFormatter

from leaderboard.observed import request_id


class Named(logging.Filter):
    """Gives each record its request's name, where there is one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if name := request_id.get():
            record.request_id = name
        return True


class Lines(JsonFormatter):
    """time, level, logger, message, request_id, and whatever the code named beside (`extra`)."""

    def __init__(self) -> None:
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)
