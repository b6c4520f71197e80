"""Rows of evidence, written straight as HTML as in `board`: a hundred of them take a template 40 ms."""

from html import escape

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from leaderboard.queries.one_item import Answer, OneItem
from leaderboard.templatetags.board import MARKS, named, text

register = template.Library()
GRADES = {1.0: ("right", "Right"), 0.0: ("wrong", "Wrong")}
IN_PART = ("wrong", "In part")


@register.simple_tag
def item_answers(found: OneItem) -> SafeString:
    """A row for each model that answered an item; see `board.text`."""
    samples = reverse("samples", args=[0, found.line.task])
    before, _, after = samples.partition("/0/")
    upwards = found.line.places[0].higher_is_better
    rows = [
        answer_row(one, f"{escape(before)}/{one.submission}/{escape(after)}?item={found.hash}", upwards=upwards)
        for one in found.answers
    ]
    return mark_safe("".join(rows))  # noqa: S308  # see `board.text`


def answer_row(one: Answer, sample: str, *, upwards: bool) -> str:
    grade, word = GRADES.get(min(one.score if upwards else 1 - one.score, 1.0), IN_PART)
    return (
        f'<tr><th scope="row"><span class="line">{MARKS.get(one.kind, "")} {named(one.model)}</span></th>'
        f'<td>{text(one.suite)}</td><td><span class="grade {grade}">{word}</span></td>'
        f'<td class="num">{one.score:.4g}</td>'
        f'<td><a href="{sample}">sample of submission {one.submission}</a></td></tr>\n'
    )
