"""The board's rows, headings and filters, written straight as HTML.

A page has thousands of cells: Django's template language takes 170 ms for 50 rows of 40 tasks, this takes 10. Whatever
comes from a model or a suite goes through `text`, and nothing else may hold markup; tests feed it hostile names.
"""

import math
import secrets
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple
from urllib.parse import quote, urlencode

import numpy as np
from django import template
from django.http import QueryDict
from django.template.context import RequestContext
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from leaderboard.queries.board import Board
from leaderboard.queries.columns import NORMALISED, PERCENTILE, Column, Scale
from leaderboard.queries.rows import Grid, Row
from leaderboard.statistics.ranks import Z95
from leaderboard.templatetags.charts import HEIGHT, WIDTH, axis, half_width, position, shades, ticks
from leaderboard.templatetags.parity import aria_sort, count, next_sort, points, visible
from leaderboard.templatetags.words import model_url, organisation, settings_short, settings_words, short_name

register = template.Library()

MARKS = {
    kind: f'<svg class="mark {kind}" viewBox="0 0 10 10" width="10" height="10" role="img" aria-label="{label}">'
    f"{shape}</svg>"
    for kind, label, shape in (
        ("open", "open weights", '<circle cx="5" cy="5" r="4.2"/>'),
        ("proprietary", "proprietary", '<rect x="1" y="1" width="8" height="8"/>'),
    )
}
PIN = (
    '<svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path d="M4 1h4l-.5 4L10 7.5H6.6L6 11.5l-.6-4H2'
    'L4.5 5z"/></svg>'
)
UNVERIFIED = (
    '<svg class="unverified" viewBox="0 0 12 12" width="12" height="12" role="img"><title>Imported, not verified here'
    '</title><path d="M6 .8v6.4M3.2 4.6 6 7.4l2.8-2.8M.8 8v3.2h10.4V8"/></svg>'
)
"""What marks a row that was imported, as templates/parts/unverified.html draws it; the legend says it in words."""
CHEVRON = '<svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path d="M2 4l4 4 4-4"/></svg>'
POINTS = {
    "open": '<circle class="point" cx="{x}" cy="{y}" r="3"/>',
    "proprietary": '<rect class="point" x="-2.7" y="-2.7" width="5.4" height="5.4" transform="translate({x} {y})"/>',
}
ABOUT: dict[tuple[int, bool, bool], SafeString] = {}
MOST_KEPT = 1_000
"""Fragments of rows that a process keeps of a ranking, some kilobytes each."""
MOST_ABOUT = 64
"""Suites that a process has drawn."""
ARROW = (
    '<svg class="arrow" viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><path d="{}"/></svg>',
    "M4 1.5 7 6.5H1z", "M4 6.5 1 1.5h6z",
)  # fmt: skip


def text(untrusted: str) -> str:
    """Untrusted text for an element or a quoted attribute."""
    return escape(visible(untrusted))


@lru_cache(maxsize=20_000)
def named(name: str) -> str:
    """A model's name as a link to its page."""
    url, title = model_url(name), text(name)
    inside = f'<span class="org">{text(organisation(name))}</span>{text(short_name(name))}'
    if url:
        return f'<a class="name" href="{escape(url)}" title="{title}">{inside}</a>'
    return f'<span class="name" title="{title}">{inside}</span>'


@lru_cache(maxsize=1)
def submission_address() -> str:
    """Of any submission, with its number still to be put in."""
    return reverse("submission", args=[0]).removesuffix("0") + "{}"


class Late:
    """What is put into a page once it is rendered: each template around it would copy it, and rows are most of a page.

    What stands in its place meanwhile nobody can guess, and so put into a page by a name.
    """

    def __init__(self) -> None:
        self._place, self._html = secrets.token_hex(16), ""

    def put(self, html: str) -> SafeString:
        """Keep HTML for later; returns what stands in its place."""
        self._html = html
        return mark_safe(self._place)  # noqa: S308  # digits

    def into(self, page: bytes) -> bytes:
        """The page with it."""
        before, _, after = page.partition(self._place.encode())
        return b"".join((before, self._html.encode(), after))


@register.simple_tag(takes_context=True)
def board_rows(context: RequestContext, board: Board) -> SafeString:
    """All rows of a page, below those that are pinned; see `text` and `Late`."""
    rows = Rows(board, context["request"].GET, context["opened"])
    pinned = rows.drawn(board.pinned, board.pinned_grid, pinned=True)
    above = f'<tbody class="pinned">\n{pinned}</tbody>\n' if pinned else ""
    late: Late = context["late"]
    return late.put(f"{above}<tbody>\n{rows.drawn(board.rows, board.grid)}</tbody>")


class Fragment(NamedTuple):
    """What is drawn of a row the same on every page of a ranking, with the same columns: its rank; its model and score;
    and what stands behind the reader's own score."""

    rank: str
    model: str
    rest: str


def dash(why: str, link: str) -> str:
    """The cell of a task that a row has no score for; a link leads to its submission."""
    told = text(why)
    if link:
        inside = f'<a class="dash" href="{link}" aria-label="Not measured: {told}" title="{told}">–</a>'
    else:
        inside = f'<span class="dash" role="img" aria-label="Missing: {told}" title="{told}">–</span>'
    return f'<td class="num">{inside}</td>'


class Toggle:
    """Addresses of this page with one more, or one less, of a parameter's values; escaped, for an attribute."""

    def __init__(self, query: QueryDict, name: str) -> None:
        others = query.copy()
        self.name, self.values = name, [value for value in query.getlist(name) if value]
        others.pop(name, None)
        self.before = others.urlencode()
        self.more = escape("?" + "&".join(filter(None, [self.before, self.encoded(self.values), f"{name}="])))

    def encoded(self, values: Iterable[str]) -> str:
        return urlencode([(self.name, one) for one in values])

    def address(self, key: str) -> str:
        """With one more row, or with one less; `key` is the name of a row."""
        if key not in self.values:
            return f"{self.more}{key}"
        kept = self.encoded(one for one in self.values if one != key)
        return escape("?" + "&".join(filter(None, [self.before, kept])))


class Rows:
    """Draws the rows of one page; what all of them share is worked out once."""

    def __init__(self, board: Board, query: QueryDict, opened: Collection[str] = ()) -> None:
        self.board, self.opened = board, opened
        self.pins, self.details = Toggle(query, "pin"), Toggle(query, "open")
        self.span = 5 + len(board.columns.tasks) + bool(board.weights)
        grid = (
            f'<line class="grid" x1="{tick.x}" x2="{tick.x}" y1="0" y2="{HEIGHT}"/>'
            for tick in ticks(board.columns.scale, WIDTH)
        )
        self.grid = "".join(grid)
        self.submission = submission_address()
        self.settings: dict[int, tuple[str, str]] = {}

    def drawn(self, rows: Sequence[Row], grid: Grid, *, pinned: bool = False) -> str:
        """These rows with the cells of their grid."""
        fragments = self.fragments(rows, grid)
        return "".join([self.row(*one, pinned=pinned) for one in zip(rows, fragments, strict=True)])

    def fragments(self, rows: Sequence[Row], grid: Grid) -> list[Fragment]:
        """Those that were drawn lately are at hand: most readers look at the same few pages."""
        shown = (self.board.scores, *(column.task.task for column in self.board.columns.tasks))
        kept: dict[tuple[tuple[str, ...], int], Fragment] = self.board.kept.setdefault(Fragment, {})
        keys = [(shown, place) for place in grid.at.tolist()]
        found = [one for key in keys if (one := kept.get(key)) is not None]  # others may clear it meanwhile
        if len(found) < len(keys):
            links = [self.submission.format(row.submission_id) if row.submission_id else "" for row in rows]
            found = [self.fragment(*one) for one in zip(rows, links, self.cells(rows, grid, links), strict=True)]
            if len(kept) > MOST_KEPT:
                kept.clear()
            kept.update(zip(keys, found, strict=True))
        return found

    def fragment(self, row: Row, link: str, cells: str) -> Fragment:
        return Fragment(
            self.rank(row),
            f'<th scope="row" class="model">{MARKS[row.kind]}{named(row.model_name)}</th>'
            f'<td class="score">{self.score(row, link)}{self.why(row, link)}</td>\n',
            f'{cells}<td class="num">{count(row.parameters)}</td><td class="last">{self.run(row)}</td></tr>\n',
        )

    def row(self, row: Row, fragment: Fragment, *, pinned: bool) -> str:
        own = self.own(row) if self.board.weights else ""
        key = f"pinned-{row.key}" if pinned else row.key
        name = text(row.model_name)
        drawn = (
            f'<tr id="{key}" data-row>\n<td class="rank">{fragment.rank}<span class="tools">'
            f"{self.pin(row, key, name)}{self.more(row, key, name)}</span></td>{fragment.model}{own}{fragment.rest}"
        )
        return drawn + self.opened_row(row, key) if row.key in self.opened else drawn

    def pin(self, row: Row, key: str, name: str) -> str:
        """A link that pins the row above the others, or lets it go."""
        held, target = row.key in self.pins.values, self.pins.address(row.key)
        word = "Unpin" if held else "Pin"
        return (
            f'<a class="pin{" held" if held else ""}" id="pin-{key}" data-pin href="{target}" hx-get="{target}" '
            f'hx-target="#board" hx-push-url="true" aria-label="{word} {name}" title="{word}">{PIN}</a>'
        )

    def more(self, row: Row, key: str, name: str) -> str:
        """A link that shows the row's details below it, or hides them."""
        told, target = "true" if row.key in self.opened else "false", self.details.address(row.key)
        return (
            f'<a class="more" id="more-{key}" href="{target}" hx-get="{target}" hx-target="#board" hx-push-url="true" '
            f'aria-expanded="{told}" aria-label="Details of {name}" title="Details">{CHEVRON}</a>'
        )

    def opened_row(self, row: Row, key: str) -> str:
        """Everything that is known of a row, below it."""
        inside = render_to_string(
            "board/details.html", {"row": row, "board": self.board, "best": next(iter(self.board.rows), None)}
        )
        return f'<tr class="opened" id="{key}-details"><td colspan="{self.span}">{inside}</td></tr>\n'

    def own(self, row: Row) -> str:
        if row.own is None:
            why = 'role="img" aria-label="A task that counts is missing"'
            return f'<td class="num own"><span class="dash" {why}>–</span></td>'
        error = f" <small>±{half_width(row.own_stderr)}</small>" if row.own_stderr is not None else ""
        return f'<td class="num own">{points(row.own)}{error}</td>'

    def rank(self, row: Row) -> str:
        if not row.rank:
            return "–"
        if row.rank_low is None:
            return f'<b>{row.rank}</b> <small title="no interval: the source has no standard errors">–</small>'
        if row.rank_low == row.rank_high:
            return f"<b>{row.rank}</b>"
        return f'<b>{row.rank}</b> <small title="95 % interval of the rank">{row.rank_low}–{row.rank_high}</small>'

    def score(self, row: Row, link: str) -> str:
        if row.score is None:
            return ""
        best = " best" if row.rank and row.score == self.board.columns.best_score else ""
        value = f'class="value{best}"'
        value = (
            f'<a {value} href="{link}">{points(row.score)}</a>' if link else f"<span {value}>{points(row.score)}</span>"
        )
        width = f"±{half_width(row.stderr)}" if row.stderr is not None else ""
        return (
            f'<div class="measure">{value}<small>{width}</small>{self.whisker(row.score, row.stderr, row.kind)}</div>'
        )

    def whisker(self, score: float, stderr: float | None, kind: str) -> str:
        """As `charts.whisker`, on the board's scale."""
        scale, middle = self.board.columns.scale, HEIGHT / 2
        label, bar = "no interval", ""
        if stderr is not None:
            low, high = score - Z95 * stderr, score + Z95 * stderr
            label = f"95 % interval {low:.1f} to {high:.1f}"
            left, right = position(low, scale, WIDTH), position(high, scale, WIDTH)
            bar = f'<path class="bar" d="M{left} {middle}H{right}M{left} 13v10M{right} 13v10"/>'
        point = POINTS[kind].format(x=position(score, scale, WIDTH), y=middle)
        return (
            f'<svg class="whisker {kind}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
            f'aria-label="{label}">{self.grid}{bar}{point}</svg>'
        )

    def why(self, row: Row, link: str) -> str:
        if not row.unranked_reason:
            return ""
        dash = '<span class="dash">–</span> ' if row.score is None else ""
        more = f' <a href="{link}">Submission {row.submission_id}</a>' if link else ""
        reason = f"<p>{text(row.unranked_reason)}{more}</p>"
        return f'<details class="why"><summary>{dash}Not ranked: why?</summary>{reason}</details>'

    def cells(self, rows: Sequence[Row], grid: Grid, links: Sequence[str]) -> list[str]:
        """All cells of each row, drawn task by task: there are thousands on a page."""
        columns, scores = self.board.columns.tasks, self.board.scores
        if scores in {NORMALISED, PERCENTILE}:
            fractions, points = grid.part(scores) / 100, grid.part(scores).tolist()
        else:
            fractions, points = grid.part("score"), (100 * grid.part("score")).tolist()
        digits = ".2f" if scores == NORMALISED else ".1f"
        ranked = np.array([bool(row.rank) for row in rows], dtype=np.bool_)
        best = ranked & (fractions == np.array([[math.nan if one.best is None else one.best] for one in columns]))
        missing = np.isnan(fractions)
        tasks = [
            [f'<td class="num {shade}">{one:{digits}}</td>' for one, shade in zip(values, classes, strict=True)]
            for values, classes in zip(points, shades(columns, fractions), strict=True)
        ]
        for task, row in zip(*(places.tolist() for places in np.nonzero(best)), strict=True):
            shown = f"{points[task][row]:{digits}}"
            tasks[task][row] = tasks[task][row].replace(f">{shown}<", f'><b class="best">{shown}</b><')
        for task in np.flatnonzero(missing.any(axis=1)).tolist():
            reasons = grid.reasons(task)
            for row in np.flatnonzero(missing[task]).tolist():
                tasks[task][row] = dash(reasons[row] or "no result", links[row])
        return ["".join(cells) for cells in zip(*tasks, strict=True)] if tasks else [""] * len(rows)

    def run(self, row: Row) -> str:
        if id(row.settings) not in self.settings:  # rows with the same settings share them
            self.settings[id(row.settings)] = text(settings_words(row.settings)), text(settings_short(row.settings))
        words, short = self.settings[id(row.settings)]
        sha = text(row.sha)
        if row.submission_id:
            inside = f"{short} <code>{text(row.short_sha)}</code>"
            base = f"adapter on {text(row.adapter_on)}" if row.adapter_on else ""
            if base:
                inside, words = f"{base} · {inside}", f"{base}, {words}"
            return f'<span class="clip" title="{words}, revision {sha}">{inside}</span>'
        code = f"<code>{text(row.short_sha)}</code>" if sha else "revision unknown"
        flagged = " · flagged by the source" if row.flagged else ""
        title = f"{words}, revision {sha or 'unknown'}"
        return f'<span class="clip" title="{title}">{UNVERIFIED}{short} {code}{flagged}</span>'


@register.filter
def some_imported(board: Board) -> bool:
    """Whether any row that is shown was measured elsewhere."""
    return any(row.imported_id for row in (*board.rows, *board.pinned))


@register.simple_tag(takes_context=True)
def headings(context: RequestContext, board: Board) -> SafeString:
    """The headings of all columns that sort."""
    parameters = context["request"].GET.copy()
    for name in ("page", "sort"):
        parameters.pop(name, None)
    before = f"?{parameters.urlencode()}&sort=" if parameters else "?sort="
    listed = [
        heading("rank", "Rank", "rank", board.sort, before, names_first=True, kind="rank"),
        heading("model", "Model", "model", board.sort, before, names_first=True, kind="model"),
        heading("score", "Score", "score", board.sort, before, kind="score", axes=axes(board)),
        *([heading("own", "Your score", "own", board.sort, before, kind="num own")] if board.weights else []),
        *(
            heading(str(number), column.task.title, column.task.task, board.sort, before, column=column)
            for number, column in enumerate(board.columns.tasks, 1)
        ),
        heading("parameters", "Size", "parameters", board.sort, before),
    ]
    return mark_safe("".join(listed))  # noqa: S308  # see `text`


def heading(
    key: str, label: str, name: str, sort: str, before: str, *, kind: str = "num", names_first: bool = False,
    axes: str = "", column: Column | None = None,
) -> str:  # fmt: skip
    """A heading that sorts by the column `name`; `axes` stands beside its label."""
    title = text(label)
    target = escape(before + quote(next_sort(sort, name, descending_first=not names_first)))
    order = aria_sort(sort, name)
    arrow = ARROW[0].format(ARROW[1 if order == "ascending" else 2])
    told = f' aria-sort="{order}"' if order != "none" else ""
    lower = "" if column is None or column.task.higher_is_better else '<span class="hint">lower is better</span>'
    link = (
        f'<a id="sort-{key}" href="{target}" hx-get="{target}" hx-target="#board" hx-push-url="true" title="{title}">'
        f'<span class="label">{title}</span>{arrow}</a>'
    )
    inside = f'<div class="axes">{link}{axes}</div>' if axes else link + lower
    return f'<th scope="col" class="{kind}"{told}>{inside}</th>\n'


def axes(board: Board) -> str:
    """The scale of all error bars, and what they are."""
    note = "95 % interval" if board.columns.intervals else ""
    return f'<span><span class="hint">{note}</span>{drawn_axis(board.columns.scale)}</span>'


@lru_cache(maxsize=64)
def drawn_axis(scale: Scale) -> str:
    return render_to_string("charts/axis.html", axis(scale))


@register.simple_tag
def about_suite(board: Board) -> SafeString:
    """What its suite measures. A released suite never changes: it is drawn once."""
    suite = board.suite
    key = (suite.pk, suite.imported, suite.normalise)
    if key not in ABOUT:
        if len(ABOUT) >= MOST_ABOUT:
            ABOUT.clear()
        ABOUT[key] = render_to_string("board/suite.html", {"board": board})
    return ABOUT[key]
