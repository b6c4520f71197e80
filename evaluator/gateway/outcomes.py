"""What comes of asking an endpoint: why one request failed, and why none is sent any more. Knows no network."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["budget", "model", "platform"]


@dataclass(frozen=True)
class Ended:
    """Why no request is sent any more. "budget": the job waits for its owner. "model": it would end so again anywhere.
    "platform": another attempt may do better."""

    kind: Kind
    code: str
    message: str


class NoMore(Exception):
    """Raised for a request that is not sent because the gateway has ended."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.message)
        self.ended = ended


class Refusal(Exception):
    """The endpoint, or the gateway itself, refuses this one request; it would again. Its text holds no key."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Fault:
    """Why one exchange brought no answer.

    `kind`: the status, or timeout, connection, cut, bad_json, too_large, bad_encoding, stream_error, and so on: what
    `Spent.errors` counts. `paid`: nobody knows whether it was. `retry`: the same request may succeed later.
    `wait_seconds`: what the endpoint asked us to wait. `said`: its own words, masked, for programs that look into them.
    `ends`: no request after this one will be answered.
    """

    kind: str
    message: str
    retry: bool = True
    paid: bool = False
    status: int = 0
    wait_seconds: float | None = None
    said: str = ""
    ends: Ended | None = None


class Failed(Exception):
    """An exchange that brought no answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Unreadable(Exception):
    """An answer that is not of its protocol's form: "bad_json", "cut" or "stream_error", and a sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message
