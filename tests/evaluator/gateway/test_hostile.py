"""Endpoints that misbehave: what is retried, what ends the run, what is counted, and that nothing hangs or grows."""

import gzip
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from evaluator.gateway import Ended, Gateway, Limits
from tests import hostile_endpoint as hostile
from tests.evaluator.gateway.asked import HASTY, body_of, post, spec_of, text_of
from tests.hostile_endpoint import Answer, Endpoint

GOOD = hostile.chat("Fine.")
JUNK = bytes(range(128, 256))
HEAD = hostile.head(200, {"Content-Type": "application/json", "Content-Length": "1000"})
STREAM = hostile.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})


@contextmanager
def asked(
    *answers: Answer, default: Answer = GOOD, limits: Limits = HASTY, **spec: Any
) -> Iterator[tuple[Endpoint, Gateway]]:
    """An endpoint with these answers, and a gateway to it that keeps no journal."""
    with hostile.serving(default) as endpoint:
        endpoint.answers.extend(answers)
        with Gateway(spec_of(endpoint, **spec), journal=None, limits=limits) as gateway:
            yield endpoint, gateway


PASSING: dict[str, tuple[Answer, bool]] = {
    "408": (hostile.refusal(408, "slow"), False),
    "409": (hostile.refusal(409, "busy"), False),
    "429": (hostile.refusal(429, "Rate limit reached"), False),
    "500": (hostile.refusal(500, "oops"), False),
    "502": (hostile.said(502, b"<html>Bad gateway</html>", kind="text/html"), False),
    "503": (hostile.said(503, b""), False),
    "504": (hostile.said(504, b"<html>Gateway Time-out</html>", kind="text/html"), True),
    "529": (hostile.refusal(529, "Overloaded"), False),
    "timeout": (hostile.hang(3), True),
    "cut": (hostile.raw(HEAD + b'{"choices": '), True),
    "connection": (hostile.raw(b""), True),
    "bad_http": (hostile.raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), True),
    "bad_json": (hostile.said(200, b"{'choices': []}"), True),
    "stream_error": (hostile.streamed([{"error": {"message": "CUDA out of memory"}}]), True),
    "too_large": (hostile.huge(64 * 2**20, {"Transfer-Encoding": "identity", "Connection": "close"}), True),
    "bad_encoding": (hostile.said(200, b"x", {"Content-Encoding": "br"}), True),
}
"""An answer by the kind that it counts as, and whether it may have cost something."""


@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_is_tried_again_and_counted(kind: str) -> None:
    answer, paid = PASSING[kind]
    with asked(answer) as (endpoint, gateway):
        assert text_of(post(gateway)) == "Fine."
        spent = gateway.spent()
        assert (spent.requests, spent.errors, spent.unknown) == (1, {kind: 1}, int(paid))
        assert len(endpoint.calls) == 2
        most = 16 + 2 + 64 if paid else 0
        assert spent.input_tokens + spent.output_tokens == 15 + most
        assert gateway.ended() is None


MORE_BROKEN: dict[str, Answer] = {
    "bad_json": hostile.said(200, JUNK),
    "bad_json, list": hostile.said(200, []),
    "bad_json, deep": hostile.said(200, b"[" * 200_000),
    "bad_json, number": hostile.said(200, b'{"choices": ' + b"9" * 10_000 + b"}"),
    "bad_json, no choices": hostile.said(200, {"choices": []}),
    "bad_json, in a stream": hostile.streamed(["{", "[DONE]"]),
    "bad_json, not UTF-8 in a stream": hostile.raw(
        STREAM + b"7\r\ndata: \xff\r\n" + b"2\r\n\n\n\r\n" + b"0\r\n\r\n", stays=True
    ),
    "cut, stream without an end": hostile.streamed(hostile.deltas("a b c")[:-1]),
    "cut, stream that breaks": hostile.streamed(hostile.deltas("a b c")[:-1], ends=False),
    "cut, gzip": hostile.said(200, gzip.compress(b"{}" * 1000)[:-9], {"Content-Encoding": "gzip"}),
    "bad_encoding": hostile.said(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "timeout, drip of a head": hostile.drip(b"HTTP/1.1 200 OK\r\nX: "),
    "timeout, drip of a body": hostile.drip(HEAD),
    "timeout, drip of a stream": hostile.drip(STREAM + b"FFFFF\r\ndata: "),
    "timeout, endless informing": hostile.drip(b"", piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "too_large, told before": hostile.huge(2**30, {"Content-Length": str(2**30)}),
    "too_large, one line of a stream": hostile.streamed(["x" * 9_000_000]),
    "too_large, gzip": hostile.bomb(2**28),
    "too_large, deflate": hostile.bomb(2**28, "deflate"),
    "bad_http, a huge head": hostile.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
    "bad_http, two lengths": hostile.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
}


@pytest.mark.parametrize("name", MORE_BROKEN)
def test_what_is_no_answer_is_an_error_by_kind(name: str) -> None:
    kind = name.partition(",")[0]
    with asked(MORE_BROKEN[name]) as (_, gateway):
        began = time.monotonic()
        assert text_of(post(gateway)) == "Fine."
        assert time.monotonic() - began < 5
        assert gateway.spent().errors == {kind: 1}


@pytest.mark.parametrize(
    "answer",
    [hostile.huge(2**30, {"Transfer-Encoding": "identity", "Connection": "close"}), hostile.bomb(2**30),
     hostile.huge(2**30, {"Content-Length": str(2**30)})],
)  # fmt: skip
def test_a_gigabyte_is_never_in_memory(answer: Answer) -> None:
    with asked(answer) as (_, gateway):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert text_of(post(gateway)) == "Fine."
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


ENDINGS: dict[str, tuple[Answer, str]] = {
    "credentials_refused": (hostile.refusal(401, "Incorrect API key provided"), "model"),
    "access_refused": (hostile.refusal(403, "Country not supported"), "model"),
    "not_found": (hostile.refusal(404, "The model `named` does not exist"), "model"),
    "redirected": (hostile.said(302, b"", {"Location": "http://169.254.169.254/latest/"}), "model"),
    "account_empty": (hostile.refusal(429, "You exceeded your current quota", code="insufficient_quota"), "budget"),
    "account_empty, paid": (hostile.refusal(402, "Insufficient Balance"), "budget"),
    "account_empty, Anthropic": (hostile.refusal(400, "Your credit balance is too low to access the API."), "budget"),
    "sampling_refused": (
        hostile.refusal(400, "Unsupported value: 'temperature' does not support 0.0 with this model.",
                        param="temperature", code="unsupported_value"), "model",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_what_will_not_pass_ends_the_run_at_once(name: str) -> None:
    answer, kind = ENDINGS[name]
    with asked(default=answer) as (endpoint, gateway):
        status = {"model": 403, "budget": 402}[kind]
        for _ in range(3):
            reply = post(gateway)
            assert (reply.status_code, reply.json()["error"]["code"]) == (status, name.partition(",")[0])
        ended = gateway.ended()
        assert ended is not None
        assert (ended.kind, ended.code) == (kind, name.partition(",")[0])
        assert len(endpoint.calls) == 1


@pytest.mark.parametrize("status", [400, 413, 422, 451])
def test_a_refusal_of_one_request_is_the_callers(status: int) -> None:
    with asked(hostile.refusal(status, "maximum context length is 2048 tokens")) as (endpoint, gateway):
        reply = post(gateway)
        assert reply.status_code == status
        assert "maximum context length is 2048 tokens" in reply.json()["error"]["message"]
        assert text_of(post(gateway, body_of("Shorter"))) == "Fine."
        assert len(endpoint.calls) == 2


def test_an_endpoint_that_refuses_everything_is_not_asked_for_ever() -> None:
    with asked(default=hostile.refusal(400, "System role not supported")) as (endpoint, gateway):
        replies = [post(gateway, body_of(str(number))).status_code for number in range(22)]
        assert replies == [400] * 19 + [403] * 3
        ended = gateway.ended()
        assert ended is not None
        assert ended.code == "requests_refused"
        assert "System role not supported" in ended.message
        assert len(endpoint.calls) == 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["500", "timeout", "connection", "bad_json"])
def test_a_storm_ends_as_a_matter_of_the_platform(kind: str) -> None:
    """Another attempt may do better; the journal keeps what was answered."""
    with asked(default=PASSING[kind][0]) as (endpoint, gateway):
        assert post(gateway).status_code == 503
        ended = gateway.ended()
        assert ended is not None
        assert (ended.kind, ended.code) == ("platform", "endpoint_failing")
        assert len(endpoint.calls) == HASTY.tries
        assert gateway.spent().errors == {kind: HASTY.tries}


def test_nobody_there() -> None:
    with hostile.serving() as endpoint:
        spec = spec_of(endpoint)
    with Gateway(spec, journal=None, limits=HASTY) as gateway:
        assert post(gateway).status_code == 503
        assert gateway.spent().errors == {"connection": 3}
        assert gateway.spent().unknown == 0


@pytest.mark.parametrize(
    ("told", "seconds"),
    [({"Retry-After": "1"}, 0.9), ({"retry-after-ms": "700"}, 0.6), ({"Retry-After": "-5"}, 0), ({}, 0),
     ({"Retry-After": "soon"}, 0), ({"Retry-After": "nan"}, 0)],
)  # fmt: skip
def test_retry_after_is_honoured(told: dict[str, str], seconds: float) -> None:
    with asked(hostile.refusal(429, "slow down", told)) as (_, gateway):
        began = time.monotonic()
        assert text_of(post(gateway)) == "Fine."
        assert seconds <= time.monotonic() - began < seconds + 1


@pytest.mark.parametrize("told", ["86400", "inf", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_retry_after_is_bounded(told: str) -> None:
    with asked(hostile.refusal(503, "come back tomorrow", {"Retry-After": told})) as (_, gateway):
        began = time.monotonic()
        assert text_of(post(gateway)) == "Fine."
        assert 0.9 < time.monotonic() - began < 3


@pytest.mark.slow
def test_only_429_for_ever_is_waited_for_and_then_given_up() -> None:
    with asked(default=hostile.refusal(429, "Rate limit reached")) as (endpoint, gateway):
        began = time.monotonic()
        assert post(gateway).status_code == 503
        assert HASTY.patience_seconds < time.monotonic() - began < 15
        ended = gateway.ended()
        assert ended is not None
        assert (ended.kind, ended.code) == ("platform", "throttled")
        assert len(endpoint.calls) > 3


def test_an_answer_in_one_piece_is_taken_where_a_stream_was_asked_for() -> None:
    whole = {"choices": [{"message": {"content": "Whole."}, "finish_reason": "stop"}]}
    with asked(hostile.said(200, whole, kind="application/json; charset=utf-8")) as (endpoint, gateway):
        assert text_of(post(gateway)) == "Whole."
        assert endpoint.bodies[0]["stream"] is True


def test_gzip_is_read_though_it_was_not_asked_for() -> None:
    whole = b'{"choices": [{"message": {"content": "Small."}, "finish_reason": "stop"}]}'
    with asked(hostile.said(200, gzip.compress(whole), {"Content-Encoding": "gzip"})) as (endpoint, gateway):
        assert text_of(post(gateway)) == "Small."
        assert endpoint.calls[0].headers["accept-encoding"] == "identity"


def test_parameters_that_are_refused_are_learnt_once() -> None:
    refused = {
        "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        "stop": "Unsupported parameter: 'stop' is not supported with this model.",
        "stream_options": "Unknown parameter: 'stream_options'.",
    }

    def picky(connection: Any, call: Any) -> bool:
        body = msgspec.json.decode(call.body)
        name = next((one for one in refused if one in body), None)
        answer = hostile.chat("one, two three") if name is None else hostile.refusal(400, refused[name], param=name)
        return answer(connection, call)

    with asked(default=picky) as (endpoint, gateway):
        for text in ("a", "b"):
            assert text_of(post(gateway, body_of(text, stop=[" two"]))) == "one,"
        assert gateway.learnt == {"max_tokens", "stop", "stream_options"}
        assert len(endpoint.calls) == 3 + 2
        assert endpoint.bodies[-1]["max_completion_tokens"] == 16
        assert gateway.ended() is None


def test_a_usage_that_is_not_told_counts_as_the_most() -> None:
    whole = {"choices": [{"message": {"content": "é" * 50}, "finish_reason": "stop"}]}
    with asked(hostile.said(200, whole)) as (_, gateway):
        post(gateway)
        assert gateway.spent().output_tokens == 100
        assert gateway.spent().input_tokens == 2 + 64


def test_a_hostile_endpoint_has_a_bounded_number_of_kinds() -> None:
    with asked(*(hostile.refusal(status, "no") for status in range(500, 620)), limits=many_tries()) as (_, gateway):
        assert text_of(post(gateway)) == "Fine."
        errors = gateway.spent().errors
        assert len(errors) <= 100
        assert sum(errors.values()) == 120


def many_tries() -> Limits:
    return Limits(backoff_seconds=0.0001, longest_backoff_seconds=0.0002, tries=1000)


def test_the_first_reason_stands() -> None:
    with asked(hostile.refusal(401, "no"), default=hostile.refusal(404, "no")) as (_, gateway):
        for _ in range(2):
            post(gateway)
        assert isinstance(gateway.ended(), Ended)
        assert gateway.ended().code == "credentials_refused"  # type: ignore[union-attr]


@pytest.mark.parametrize("tail", [0.0, 0.2])
def test_connections_are_used_again(tail: float) -> None:
    """Also where the end of a stream comes a little after its last event; a handshake for each request costs time."""

    def answer(connection: Any, call: Any) -> bool:
        hostile.streamed([*hostile.deltas("a b"), "[DONE]"], ends=False)(connection, call)
        time.sleep(tail)
        connection.sendall(b"0\r\n\r\n")
        return True

    with asked(default=answer) as (endpoint, gateway):
        assert [text_of(post(gateway, body_of(str(number)))) for number in range(3)] == ["a b"] * 3
        assert endpoint.connections == 1


def test_a_stream_that_never_ends_after_its_last_event_is_an_answer() -> None:
    def answer(connection: Any, call: Any) -> bool:
        hostile.streamed([*hostile.deltas("a b"), "[DONE]"], ends=False)(connection, call)
        return hostile.hang(5)(connection, call)

    with asked(answer) as (_, gateway):
        began = time.monotonic()
        assert text_of(post(gateway)) == "a b"
        assert time.monotonic() - began < 2
        assert gateway.spent().errors == {}
