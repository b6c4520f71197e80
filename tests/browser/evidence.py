"""A site with all that the pages of evidence show: measured stand-ins for both sides, the imported table, samples with
thoughts and hostile texts, remarks, and claims of every outcome."""

import hashlib
from collections.abc import Mapping
from io import StringIO
from typing import Any

from django.core.management import call_command

from leaderboard.actions.claims import seed_claims, state_claim
from leaderboard.actions.hide_texts import hide_texts
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.remarks import answer, dispute, flag, note_contamination
from leaderboard.actions.retract import retract
from leaderboard.models import Model, Revision, Submission, Suite, User, WorkerToken
from tests.environment import SHARED
from tests.leaderboard import gaps
from tests.leaderboard.compared import finished, imported
from tests.leaderboard.pages import made

TABLE = SHARED / "data" / "open_llm_leaderboard_v2.csv"
TABLE_SUITE = "open-llm-leaderboard-v2"
BEHIND = {"test": "not_behind", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "over": "each"}
QUESTION = (
    "Question: A train leaves the station at nine and travels at sixty miles an hour; a second one leaves at ten and "
    "travels at eighty. When does the second one overtake the first?\nThink, and end with the hour.\nAnswer:"
)
TALK = (
    "The first is sixty miles ahead when the second leaves. It gains twenty miles each hour. Sixty by twenty is three."
)
ODD = {
    0: {"prompts": (QUESTION,), "responses": (f"{TALK} So it is one o'clock. #### 13",), "answers": {"strict": "13"},
        "thinking": ("They may mean the distance, or the hour. Let me see. " * 12,), "target": "13"},
    1: {"prompts": (QUESTION,), "responses": ("",), "answers": {"strict": "[invalid]"}, "target": "13"},
    2: {"prompts": ("\u202eQuestion\u202c <script>alert(1)</script>\x00 ￾",), "responses": ("a" * 700,),
        "target": "<b>"},
    3: {"prompts": ("Water boils at␟ 100 °C", "Water boils at␟ 50 °C", "Water boils at␟ 0 °C"),
        "responses": ("(-1.25, True)", "(-4.5, False)", "(-9.75, False)"), "answers": {"none": "0"}, "target": "0"},
}  # fmt: skip


def furnish(make: made.Make, suite: Suite, worker: WorkerToken, person: User, staff: User) -> dict[str, str]:
    """Fill the site; returns an address of each kind of page by a name for its picture."""
    rows = gaps.stand_ins(make, suite, ahead=0.6)
    costs(rows)
    best = {"alpha": [1.0] * gaps.ITEMS, "beta": [1.0] * (gaps.ITEMS - 2) + [0.0, 0.0]}
    imported(suite, "elsewhere/claimed-by-its-maker", best)
    Model.objects.filter(name__startswith="elsewhere/").update(kind="proprietary", released_on=gaps.STAND_INS[3][2])
    scores = [1.0, 0.0, 0.0, 1.0, *gaps.scores(0.4, 77)[4:]]
    answered = made.measure(make("parity-demo/SmolLM2-135M-Instruct"), worker, scores, ODD)
    copied = finished(make, "parity-demo/a-copy", {"alpha": scores, "beta": scores})
    build_snapshot(suite=suite, anew=True)
    remarks(answered, copied, person, staff)
    state(staff)
    table = imported_table()
    hide_texts(task="beta", reason="Its licence forbids showing the items.", by=staff)
    samples = f"/submissions/{answered.pk}/samples/alpha"
    item = hashlib.sha256(b"alpha0").hexdigest()
    pins = f"pin=s{rows['parity-demo/SmolLM2-135M'].pk}&pin=s{rows['stand-in/tiny-random-2'].pk}"
    return {
        "board": "/?suite=tiny@1", "gap": "/gap?suite=tiny@1", "gap-task": "/gap?suite=tiny@1&task=alpha",
        "sizes": f"/suites/tiny/1?{pins}", "price": f"/suites/tiny/1?x=price&{pins}",
        "speed": "/suites/tiny/1?x=throughput", "measured": "/suites/tiny/1?x=measured", "claims": "/claims",
        "samples": samples, "search": f"{samples}?q=train&answered=yes", "unanswered": f"{samples}?answered=no",
        "sample": f"{samples}?item={item}", "hidden": f"/submissions/{answered.pk}/samples/beta",
        "item": f"/items/alpha/{item}", "disputed": f"/submissions/{answered.pk}",
        "retracted": f"/submissions/{copied.pk}", "model": "/models/parity-demo/SmolLM2-135M-Instruct",
        "task": "/tasks/alpha", "changelog": "/changelog", "method": "/method", **table,
    }  # fmt: skip


def imported_table() -> dict[str, str]:
    """The Open LLM Leaderboard's table, where the machine has it: one side alone, thousands of rows."""
    if not TABLE.is_file():
        return {}
    call_command("import_open_llm_leaderboard", str(TABLE), stdout=StringIO())
    slug = f"{TABLE_SUITE}@1"
    return {"board-imported": f"/?suite={slug}", "gap-imported": f"/gap?suite={slug}",
            "sizes-imported": f"/suites/{TABLE_SUITE}/1"}  # fmt: skip


def costs(rows: Mapping[str, Submission]) -> None:
    """Sizes, prices and speeds, each unknown of some."""
    sizes = {"tiny-random-1": 30e6, "SmolLM2-135M-degraded": 135e6, "SmolLM2-135M-Q4": 90e6, "SmolLM2-135M": 135e6}
    for name, size in sizes.items():
        Revision.objects.filter(model__name=f"parity-demo/{name}").update(parameters=int(size))
    for number, name in enumerate(("tiny-random-2", "SmolLM2-behind-an-endpoint", "SmolLM2-360M-endpoint"), start=1):
        found = Model.objects.filter(name=f"stand-in/{name}")
        found.update(input_price=str(0.2 * number**2), output_price=str(number**2))
    for number, name in enumerate(("tiny-random-1", "SmolLM2-135M"), start=1):
        told = {"hardware": "1 x NVIDIA H100 80GB", "engine": "vllm", "dtype": "bfloat16",
                "evaluation_seconds": 2.0 * number, "tokens": {"input": 8000, "output": 2000}}  # fmt: skip
        Submission.objects.filter(pk=rows[f"parity-demo/{name}"].pk).update(provenance=told)


def remarks(answered: Submission, copied: Submission, person: User, staff: User) -> None:
    said = dispute(submission=answered.pk, reason="Items 1 and 3 have two right answers.", by=person,
                   evidence="alpha, items 1 and 3")  # fmt: skip
    answer(remark=said.pk, reason="Item 3 has. It is left out of the next version of the suite.", by=staff)
    flag(submission=answered.pk, reason="It answers before it was asked.", evidence="sample 2", by=staff)
    note_contamination(model="parity-demo/SmolLM2-135M-Instruct", task="alpha", by=staff, evidence="its data card, 2.1",
                       reason="Its training data hold the task's training set.")  # fmt: skip
    retract(submission=copied.pk, reason="Its weights are those of another model, under its own name.", by=staff)


def state(staff: User) -> None:
    """Claims of makers, beside those that every site begins with: one of each outcome."""
    seed_claims()
    task = [{"suite": "tiny@1", "task": "alpha"}, {"suite": "tiny@1", "task": "beta"}]
    margins: dict[str, tuple[float, dict[str, Any]]] = {
        "as-good-within-60": (60.0, {}), "as-good-within-2": (2.0, {"first": {"model": "parity-demo/tiny-random-1"}}),
        "as-good-within-25": (25.0, {}),
    }  # fmt: skip
    for slug, (margin, changed) in margins.items():
        terms = BEHIND | {"tasks": task, "margin": margin} | changed
        state_claim(slug=slug, text=f"Our small model is within {margin:g} points of what money can buy.", terms=terms,
                    who="the maker of a stand-in", url="https://maker.example/blog/small-models", by=staff,
                    quotation="“On reasoning it is on a par with models many times its size.”")  # fmt: skip
