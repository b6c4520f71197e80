"""The bounds of every exchange, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`try_seconds`: one exchange, however its answer drips. `silent_seconds`: without a single byte; models that
    think in secret are silent for minutes. `wait_seconds`: the longest Retry-After that is honoured. `tries`: of one
    request, without those that were only too many a second; `patience_seconds`: for these, while nothing is answered.
    `answer_bytes`: of a text or a JSON body; `stream_bytes`: of a stream, where each token comes with its envelope.
    `asked_bytes`: of a request of ours."""

    connect_seconds: float = 10.0
    try_seconds: float = 900.0
    silent_seconds: float = 300.0
    wait_seconds: float = 120.0
    backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 30.0
    patience_seconds: float = 900.0
    tries: int = 8
    answer_bytes: int = 8 * 2**20
    stream_bytes: int = 64 * 2**20
    asked_bytes: int = 32 * 2**20
