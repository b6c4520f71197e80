"""A site with something in every table, all of it hostile: what the attack in `test_attack.py` walks through."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.urls import NoReverseMatch, URLPattern
from django.utils import timezone

from evaluator.contract import Settings, spelled
from leaderboard.actions.rank import build_snapshot
from leaderboard.claims.seed import SEEDS
from leaderboard.models import (
    Audit,
    Claim,
    DriftCheck,
    Fact,
    Follow,
    HiddenTexts,
    Import,
    Imported,
    Price,
    ProviderOrigin,
    Remark,
    RoutineRun,
    SiteState,
    Submission,
    Suite,
    User,
    Watch,
    WorkerToken,
)
from leaderboard.pages import conditional
from leaderboard.queries import site as site_state
from tests.browser.fields import Placed, place
from tests.browser.payloads import PAYLOADS
from tests.leaderboard import bakeoffs
from tests.leaderboard.pages import made
from tests.leaderboard.permissions import objects
from tests.leaderboard.permissions.objects import Site
from tests.leaderboard.permissions.test_matrix import is_api, routes, table

EACH = 10
"""Payloads in one sample, or in one item of a workload."""
TODAY = timezone.now().date()


def portions() -> list[list[str]]:
    """The payloads, `EACH` at a time."""
    return [PAYLOADS[start : start + EACH] for start in range(0, len(PAYLOADS), EACH)]


def samples() -> dict[int, dict[str, Any]]:
    """What is hostile in the samples of a task: what the model was asked, what it said, and what was read of that."""
    found: dict[int, dict[str, Any]] = {}
    for number, some in enumerate(portions()):
        text = "\n".join(some)
        found[number] = {
            "prompts": (text,), "responses": (text,), "target": text, "answers": dict.fromkeys(some, text),
            "reasons": {some[0]: text}, "finish": (text,), "thinking": (text,),
        }  # fmt: skip
    choices = {"prompts": tuple(f"{PAYLOADS[0]}␟{one}" for one in PAYLOADS[:40]), "target": "0"}
    found[0] |= choices | {"responses": ("(-1.0, True)",) * 40, "finish": (), "thinking": ()}
    return found


def items() -> list[dict[str, Any]]:
    """A workload's items."""
    return [
        {
            "prompt": "\n".join(some), "reference": some, "production": "\n".join(some), "system": some[0],
            "tags": [one[:60] for one in some], "choices": some,
        }
        for some in portions()
    ]  # fmt: skip


def upload() -> bytes:
    """A file of somebody's, whose columns are named as badly as they can be."""
    column = '"' + PAYLOADS[0].replace('"', '""') + '"'
    rows = ("\n".join(some).replace('"', '""').replace("\x00", "") for some in portions())
    return f"question,answer,{column}\n".encode() + b"".join(f'"{row}","{row}","{row}"\n'.encode() for row in rows)


@dataclass
class Attacked:
    """The site, and what hostile texts have stood in."""

    site: Site
    followed: Follow
    placed: Placed

    @classmethod
    def made(
        cls, make: made.Make, suite: Suite, worker: WorkerToken, ada: User, patch: pytest.MonkeyPatch
    ) -> "Attacked":
        """As the permission matrix has it, but whatever is said there by models, workers and people is hostile."""
        patch.setattr(made, "measure", partial(made.measure, changes=samples()))
        patch.setattr(objects, "ITEMS", items())
        patch.setattr(objects, "UPLOAD", upload())
        worked = bakeoffs.worked
        patch.setattr(bakeoffs, "worked", lambda token, _: worked(token, lambda model, n: "\n".join(portions()[n])))
        site = Site.made(make, suite, worker, ada)
        more(site, make, suite, ada)
        return cls(site, Follow.objects.get(pk=site.follow), Placed())

    def begin(self, number: int) -> None:
        """Put the texts of round `number` in their places; rankings are built of them, and nothing old is shown."""
        Follow.objects.bulk_create([self.followed], ignore_conflicts=True)  # a form of the last round may have ended it
        place(number, self.placed)
        for suite in Suite.everything.filter(owner=None):
            build_snapshot(suite=suite, anew=True)
        conditional.PAGES.clear()
        site_state.forget()
        row = Submission.everything.select_related("revision__model").get(pk=self.site.measured)
        assert row.revision is not None
        name = row.revision.model.name
        self.site.model = name
        self.site.model_organisation, _, self.site.model_name = name.partition("/")

    def pages(self) -> Iterator[tuple[URLPattern, str, str]]:
        """(route, role, address) of everything that can be read, by who reads it; and every submission there is."""
        listed = table()
        for route in routes():
            line = listed.get((str(route.name), "GET"), {})
            role = next((role for role in ("owner", "staff", "nobody") if line.get(role) == "200"), "")
            if role:
                try:
                    yield route, role, self.site.address(route) + self.question(str(route.name))
                except NoReverseMatch:
                    continue  # of a model whose name has three parts there is no page
        submission = next(route for route in routes() if route.name == "submission")
        for pk in Submission.objects.values_list("pk", flat=True):
            yield submission, "owner", f"/submissions/{pk}"

    def question(self, route: str) -> str:
        """What a route asks for, as an address spells it."""
        said = {name: quote(str(value), safe="") for name, value in vars(self.site).items()}
        return objects.QUERIES.get(route, "").format(**said)

    def forms(self) -> Iterator[tuple[str, str, list[str]]]:
        """(role, address, names of fields) of every form of a page that takes something."""
        for route in routes():
            names = FORMS.get(str(route.name)) or list(objects.BODIES.get(str(route.name), {}))
            if names and not is_api(route):
                role = "nobody" if route.name in FORMS else "staff" if str(route.name).startswith("staff") else "owner"
                yield role, self.site.address(route), names


FORMS = {
    "account_login": ["login", "password"],
    "account_signup": ["username", "email", "password1"],
    "account_reset_password": ["email"],
}
"""Forms of allauth's, and what they ask for."""


def more(site: Site, make: made.Make, suite: Suite, ada: User) -> None:
    """What the permission matrix does without, so that every table has a row."""
    first = Submission.everything.get(pk=site.measured)
    second = Submission.everything.get(pk=int(site.second[1:]))
    assert first.revision is not None
    model = first.revision.model
    made.succeed(make("org/none"), None, reason="x")
    for state in ("failed", "rejected"):
        made.end(make(f"org/{state}"), state, error_message="x", provenance={"x": "x"})
    for kind in (Remark.Kind.FLAG, Remark.Kind.DISPUTE):
        Remark.objects.create(kind=kind, submission=first, reason="x", by="x")
    Remark.objects.create(kind=Remark.Kind.CONTAMINATION, model=model, task="alpha", reason="x", by="x")
    Fact.objects.create(model=model, field="licence", origin="staff", value="x", replaced="x", source="x", as_of=TODAY)
    Price.objects.create(model=model, input_price=1, output_price=2, detail={"x": "y"}, source="x", read_on=TODAY)
    batch = Import.objects.create(suite=suite, source="x", title="x", digest="x", report={"skipped": [["x", "y"]]})
    Imported.objects.create(
        batch=batch, suite=suite, revision=first.revision, source="x", key="x", settings=spelled(Settings()),
        digest="x", unranked_reason="x", tasks={"alpha": {"unavailable": "x"}}, facts={"x": "y"},
    )  # fmt: skip
    terms = msgspec.to_builtins(SEEDS[1].terms)
    Claim.objects.create(slug="x", text="x", who="x", url="https://example.org/", terms=terms)
    Claim.objects.create(slug="y", text="x", who="x", terms=terms, withdrawn_at=timezone.now(), withdrawn_reason="x")
    endpoint = Submission.everything.get(pk=site.paused).use.endpoint
    ProviderOrigin.objects.create(origin="https://other.example.org", provider="other", source="x", stated_by=ada)
    Watch.objects.create(endpoint=endpoint, like=first, baseline=second, every_days=7, due_at=timezone.now())
    DriftCheck.objects.create(
        endpoint=endpoint, baseline=second, current=first, number=1, items=30, difference=-9.0, low=-12.0, high=-6.0,
        p=0.001, threshold=0.05, word="worse", drifted=True,
    )  # fmt: skip
    RoutineRun.objects.create(name="watch", began_at=timezone.now(), ended_at=timezone.now(), said="x", problem="x")
    HiddenTexts.objects.create(task="hidden", reason="x")
    Audit.objects.create(actor="x", action="x", subject="x", reason="x")
    SiteState.objects.create(pk=SiteState.ONLY, banner="x")
    EmailAddress.objects.create(user=ada, email="ada@example.org")
    key = site.sessions["owner"].session.session_key
    assert key
    UserSession.objects.create(user=ada, ip="127.0.0.1", session_key=key, user_agent="x")
    SocialAccount.objects.create(user=ada, provider="github", uid="1", extra_data={"login": "x", "name": "x"})
