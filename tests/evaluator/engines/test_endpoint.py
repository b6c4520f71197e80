"""The child asks a model behind the gateway: a real lm-eval, a real gateway, and a server that says what it is told."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator import run, suites
from evaluator.contract import EndpointSpec, ModelRef, Sample, Sampling, Settings, SuiteSpec, decode_sample
from evaluator.gateway import Gateway
from evaluator.jobs import unpack_bundle
from evaluator.supervisor import Died, supervise
from tests.environment import ROOT
from tests.evaluator import scripted

pytestmark = pytest.mark.engine

ITEMS = 6
KEY = "sk-canary-2b7c55ae"
Measured = tuple[run.Outcome, list[Sample]]


def starter(*tasks: str) -> tuple[SuiteSpec, bytes]:
    """Some tasks of starter@1, six items each."""
    spec, bundle = suites.find("starter@1")
    assert bundle is not None
    kept = tuple(msgspec.structs.replace(task, limit=ITEMS) for task in spec.tasks if task.task in tasks)
    return msgspec.structs.replace(spec, tasks=kept), bundle


def measure(folder: Path, server: scripted.Server, *tasks: str, chat: bool = True, **sampling: Any) -> Measured:
    """A run as a worker makes it."""
    spec = EndpointSpec(
        base_url=server.url, protocol="openai-chat" if chat else "openai-completions", model="toy", api_key=KEY,
        allowed=("127.0.0.1",), sampling=Sampling(**sampling), concurrency=3,
    )  # fmt: skip
    suite, bundle = starter(*tasks)
    folder.mkdir(exist_ok=True)
    with Gateway(spec, journal=None) as gateway:
        behind = run.Behind(
            url=gateway.url, token=gateway.token, model="toy", chat=chat, sampling=spec.sampling, concurrency=3
        )
        told = run.RunSpec(
            model=ModelRef(name="host/toy", sha="f" * 40), model_path="", suite=suite,
            settings=Settings(engine="endpoint"), behind=behind,
            task_files=str(unpack_bundle(bundle, folder / "tasks")),
        )  # fmt: skip
        outcome = supervise(folder, told, working_folder=folder, watch=lambda _: None)
    lines = (folder / run.SAMPLES).read_bytes().splitlines()
    return outcome, [decode_sample(line) for line in lines]


def question(call: scripted.Call) -> str:
    """The last question asked, as "3 + 4"."""
    text = call.body["messages"][-1]["content"] if "messages" in call.body else call.body["prompt"]
    return str(text).strip().splitlines()[-1].removesuffix(" =").removesuffix("=")


def right(call: scripted.Call) -> str:
    first, sign, second = question(call).split()
    return str({"+": int.__add__, "-": int.__sub__, "x": int.__mul__}[sign](int(first), int(second)))


def drawing(answer: Callable[[scripted.Call, int], str]) -> scripted.Script:
    """A model that says something else each time; `answer` gets the number of times that it was asked the same."""
    asked: dict[str, int] = {}
    lock = threading.Lock()

    def script(call: scripted.Call) -> scripted.Reply:
        with lock:
            time = asked[question(call)] = asked.get(question(call), -1) + 1
        return scripted.said(call, answer(call, time))

    return script


def test_a_chat_is_asked_in_messages_and_likelihoods_not_at_all(tmp_path: Path) -> None:
    def script(call: scripted.Call) -> scripted.Reply:
        threading.Event().wait(0.1)
        return scripted.said(call, f"{right(call)}\n4 - 4 = 0 follows")

    with scripted.serving(script) as server:
        outcome, samples = measure(tmp_path / "run", server, "starter_arithmetic", "starter_knowledge")
    arithmetic, knowledge = outcome.tasks
    assert (arithmetic.score, arithmetic.n, arithmetic.stderr) == (1.0, ITEMS, 0.0)
    assert knowledge.score is None and "log-likelihoods" in knowledge.unavailable
    assert len(server.calls) == ITEMS and server.most == 3
    call = server.calls[0]
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert [one["role"] for one in call.body["messages"]] == ["user", "assistant"] * 4 + ["user"]
    assert (call.body["max_tokens"], call.body["stop"], call.body["temperature"]) == (5, ["\n"], 0.0)
    assert all("\n" not in sample.responses[0] for sample in samples)
    assert json.loads(samples[0].prompts[0]) == next(
        one.body["messages"] for one in server.calls if one.body["messages"] == json.loads(samples[0].prompts[0])
    )
    told = outcome.provenance
    assert (told["path"], told["engine"], told["requests"]["asked"]) == ("endpoint", "endpoint", ITEMS)
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), f"{file} holds the key"
            assert f":{server.port}/".encode() not in file.read_bytes(), f"{file} knows the endpoint's address"


def likely(call: scripted.Call) -> scripted.Reply:
    """An echo whose last token is likelier where the statement is true."""
    prompt = call.body["prompt"]
    facts = (ROOT / "evaluator" / "suites" / "starter@1" / "starter_knowledge.jsonl").read_text().splitlines()
    known = {f"{fact['statement']} {fact['choices'][fact['answer']]}" for fact in map(json.loads, facts)}
    words = re.findall(r" ?[^ ]+", prompt)
    reply = scripted.said(call, "", tokens_in=len(words), tokens_out=1)
    numbers = [None, *[-2.0] * (len(words) - 2), -0.5 if prompt in known else -3.0, -1.0]
    tops = [None, *[{"other": -2.5}] * len(words)]
    told = {"tokens": [*words, " on"], "token_logprobs": numbers, "top_logprobs": tops}
    reply.body["choices"][0] |= {"text": f"{prompt} on", "logprobs": told}
    return reply


def test_a_completion_is_asked_in_plain_text_in_passes_and_for_likelihoods(tmp_path: Path) -> None:
    drawn = drawing(lambda call, time: right(call) if time < 2 else "0")
    with scripted.serving(lambda call: likely(call) if call.body.get("echo") else drawn(call)) as server:
        outcome, samples = measure(
            tmp_path / "run", server, "starter_arithmetic", "starter_knowledge", "starter_grammar",
            chat=False, temperature=1.0, passes=4,
        )  # fmt: skip
    calls = [call for call in server.calls if not call.body.get("echo")]
    assert len(calls) == 4 * ITEMS
    assert {(call.path, call.body["temperature"]) for call in calls} == {("completions", 1.0)}
    assert calls[0].body["prompt"].startswith("3 + 4 = 7\n9 - 5 = 4\n")
    task, knowledge, grammar = outcome.tasks
    assert (knowledge.score, knowledge.n) == (1.0, ITEMS)
    assert grammar.score is None and "nothing stands before" in grammar.unavailable
    samples = [sample for sample in samples if sample.task == "starter_arithmetic"]
    assert (task.score, task.n, task.item_scores) == (0.5, ITEMS, (0.5,) * ITEMS)
    assert task.stderr == 0.0, "no item differs from another"
    assert all(sorted(sample.responses)[:2] == ["0", "0"] and len(sample.responses) == 4 for sample in samples)
    assert all(sample.scores["first-number"] == {"exact_match": 0.5} for sample in samples)


def test_what_is_refused_now_and_then_is_an_empty_answer_and_more_is_no_score(tmp_path: Path) -> None:
    first = [True]

    def script(call: scripted.Call) -> scripted.Reply:
        if question(call) == "Answer:" or (first and first.pop()):
            return scripted.refused(400, "Our filter of contents refuses this.", "content_filter")
        return scripted.said(call, right(call))

    with scripted.serving(script) as server:
        outcome, samples = measure(
            tmp_path / "run", server, "starter_arithmetic", "starter_instructions", passes=2, temperature=1.0
        )
    arithmetic, instructions = outcome.tasks
    assert arithmetic.score == pytest.approx((2 * ITEMS - 1) / (2 * ITEMS))
    assert sum(sample.responses.count("") for sample in samples if sample.task == "starter_arithmetic") == 1
    assert instructions.score is None
    assert f"refused {2 * ITEMS} of {2 * ITEMS} requests" in instructions.unavailable
    assert "filter of contents" in instructions.unavailable
    assert outcome.provenance["refused_requests"] == 2 * ITEMS + 1


def test_a_wrong_key_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with (
        scripted.serving(lambda _: scripted.refused(401, "Incorrect API key provided.")) as server,
        pytest.raises(Died) as caught,
    ):
        measure(tmp_path / "run", server, "starter_arithmetic")
    assert caught.value.code == "credentials_refused"
    assert "Incorrect API key" in caught.value.message
