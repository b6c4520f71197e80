"""The key, through everything that can happen: it goes to the endpoint, and to nobody else."""

import base64
import io
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from evaluator.contract import Protocol
from evaluator.gateway import Gateway
from evaluator.gateway.exchange import Wire
from evaluator.gateway.secrecy import Mask
from tests import hostile_endpoint as hostile
from tests.evaluator.gateway.asked import HASTY, KEY, body_of, post, spec_of
from tests.hostile_endpoint import Answer

SPELLINGS = (KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode().rstrip("="))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Whatever is logged at any level, by anybody, and printed by threads that break."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s %(exc_info)s"))
    logger = logging.getLogger()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(threading, "excepthook", lambda told: stream.write(f"{told.exc_value!r}"))
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def clean(*texts: Any) -> bool:
    return not any(spelling in str(text) for text in texts for spelling in SPELLINGS)


SCENES: dict[str, Answer] = {
    "success": hostile.chat("Hello."),
    "echoed in an answer": hostile.echo(),
    "echoed in a stream": hostile.streamed(
        [hostile.delta(KEY[:9]), hostile.delta(KEY[9:]), *hostile.deltas("!"), "[DONE]"]
    ),
    "401": hostile.echo(401),
    "400": hostile.echo(400),
    "404": hostile.echo(404),
    "302": hostile.said(302, b"", {"Location": f"https://example.org/?key={KEY}"}),
    "429": hostile.echo(429),
    "500": hostile.echo(500),
    "500 as text": hostile.said(500, f"Authorization: Bearer {KEY}".encode(), kind="text/plain"),
    "timeout": hostile.hang(3),
    "cut": hostile.raw(f"HTTP/1.1 200 OK\r\nX-{KEY}: 1\r\n\r\n".encode() + b"{"),
    "broken head": hostile.raw(f"HTTP/1.1 {KEY}\r\n{KEY}\r\n\r\n".encode()),
    "broken stream": hostile.streamed([{"error": {"message": f"bad key {KEY}", "code": KEY}}]),
    "broken JSON": hostile.said(200, f"{{'{KEY}'}}".encode()),
    "other encoding": hostile.said(200, b"x", {"Content-Encoding": KEY}),
    "base64": hostile.said(200, {"choices": [{"message": {"content": SPELLINGS[2] + "=="}, "finish_reason": KEY}]}),
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("protocol", ["openai-chat", "anthropic-messages"])
def test_the_key_is_nowhere(scene: str, protocol: Protocol, tmp_path: Path, written: io.StringIO) -> None:
    with hostile.serving(SCENES[scene]) as endpoint:
        with Gateway(spec_of(endpoint, protocol), journal=tmp_path, limits=HASTY) as gateway:
            answers = [gateway.ask(body_of(), "models"), gateway.ask(body_of(), timeout=1)]
            reply = post(gateway)
            answers.append(gateway.ask(body_of(), timeout=1))
            assert clean(reply.text, reply.headers, *answers, gateway.ended(), gateway.spent(), repr(gateway))
        sent = [call.headers.get("authorization", "") + call.headers.get("x-api-key", "") for call in endpoint.calls]
    assert sent
    assert all(KEY in one for one in sent)
    assert clean(written.getvalue())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert clean(*(path.read_text() for path in files))


def test_a_crash_shows_no_key(tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours, in the middle of an exchange, with the traceback that a log would get."""

    def broken(self: Wire, reply: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Wire, "masked", broken)
    with (
        hostile.serving(hostile.echo()) as endpoint,
        Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway,
    ):
        reply = post(gateway)
        assert reply.status_code == 500
        with pytest.raises(RuntimeError) as told:
            gateway.ask(body_of())
        assert gateway.spent().unknown == 2
    shown = "".join(traceback.format_exception(told.value))
    assert "a mistake of ours" in written.getvalue()
    assert clean(reply.text, shown, written.getvalue(), repr(told.value), *(p.read_text() for p in tmp_path.iterdir()))


def test_the_key_is_in_no_argument_and_no_environment(tmp_path: Path) -> None:
    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
        post(gateway)
        shown = Path("/proc/self/cmdline").read_text() + Path("/proc/self/environ").read_text(errors="replace")
        assert clean(shown, sys.argv, gateway.url, gateway.token, [thread.name for thread in threading.enumerate()])


def test_masks() -> None:
    mask = Mask(KEY)
    assert mask.text(f"a {KEY} b {SPELLINGS[2]}") == "a [key] b [key]"
    assert mask.value({KEY: [KEY, 1, None, {"a": (f"x{KEY}",)}]}) == {"[key]": ["[key]", 1, None, {"a": ["x[key]"]}]}
    assert Mask("").text("nothing") == "nothing"
    assert Mask("EMPTY").text("EMPTY is a filler, and a word") == "EMPTY is a filler, and a word"
    assert KEY not in repr(mask)
