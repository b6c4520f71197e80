"""The board's rows, headings and filters, written straight as HTML.

A page has thousands of cells: Django's template language takes 170 ms for 50 rows of 40 tasks, this takes 10. Whatever
comes from a model or a suite goes through `text`, and nothing else may hold markup; tests feed it hostile names.
"""

from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlencode

from django import template
from django.http import QueryDict
from django.template.context import RequestContext
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from leaderboard.columnar.facts import SIZE_CLASSES
from leaderboard.columnar.select import FacetValue
from leaderboard.queries.board import Board, Facet
from leaderboard.queries.columns import Column
from leaderboard.queries.rows import Cell, Row
from leaderboard.statistics.ranks import Z95
from leaderboard.templatetags.charts import HEIGHT, WIDTH, cell_text, fraction, half_width, heat, position, ticks
from leaderboard.templatetags.parity import aria_sort, count, next_sort, points, visible
from leaderboard.templatetags.words import model_url, organisation, settings_short, settings_words, short_name

register = template.Library()

SHOWN_VALUES = 40
"""Of a facet; the others are found by a search."""
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
"""As templates/parts/unverified.html draws it; the legend says it in words."""
CHEVRON = '<svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path d="M2 4l4 4 4-4"/></svg>'
POINTS = {
    "open": '<circle class="point" cx="{x}" cy="{y}" r="3"/>',
    "proprietary": '<rect class="point" x="-2.7" y="-2.7" width="5.4" height="5.4" transform="translate({x} {y})"/>',
}
ARROW = (
    '<svg class="arrow" viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><path d="{}"/></svg>',
    "M4 1.5 7 6.5H1z", "M4 6.5 1 1.5h6z",
)  # fmt: skip


def text(untrusted: str) -> str:
    """Untrusted text for an element or a quoted attribute."""
    return str(escape(visible(untrusted)))


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


@register.simple_tag(takes_context=True)
def board_rows(context: RequestContext, board: Board) -> SafeString:
    """All rows of a page, below those that are pinned."""
    rows = Rows(board, context["request"].GET, context["opened"])
    pinned = "".join(rows.row(row, pinned=True) for row in board.pinned)
    above = f'<tbody class="pinned">\n{pinned}</tbody>\n' if pinned else ""
    return mark_safe(f"{above}<tbody>\n{''.join(map(rows.row, board.rows))}</tbody>")  # noqa: S308  # see `text`


class Toggle:
    """Addresses of this page with one more, or one less, of a parameter's values."""

    def __init__(self, query: QueryDict, name: str) -> None:
        others = query.copy()
        self.name, self.values = name, [value for value in query.getlist(name) if value]
        others.pop(name, None)
        self.before = others.urlencode()

    def address(self, value: str) -> str:
        kept = [one for one in self.values if one != value]
        values = kept if value in self.values else [*kept, value]
        return "?" + "&".join(filter(None, [self.before, urlencode([(self.name, one) for one in values])]))


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

    def row(self, row: Row, *, pinned: bool = False) -> str:
        link = self.submission.format(row.submission_id) if row.submission_id else ""
        cells = "".join([self.cell(row, column, row.tasks.get(column.task.task), link) for column in self.tasks])
        own = self.own(row) if self.board.weights else ""
        key = f"pinned-{row.key}" if pinned else row.key
        drawn = (
            f'<tr id="{key}" data-row>\n<td class="rank">{self.rank(row)}<span class="tools">{self.pin(row, key)}'
            f"{self.more(row, key)}</span></td>"
            f'<th scope="row" class="model">{MARKS[row.kind]}{named(row.model_name)}</th>'
            f'<td class="score">{self.score(row, link)}{self.why(row, link)}</td>\n{own}{cells}'
            f'<td class="num">{count(row.parameters)}</td>'
            f'<td class="last">{self.run(row)}</td></tr>\n'
        )
        return drawn + self.opened_row(row, key) if row.key in self.opened else drawn

    def pin(self, row: Row, key: str) -> str:
        """A link that pins the row above the others, or lets it go."""
        held, target = row.key in self.pins.values, escape(self.pins.address(row.key))
        word = "Unpin" if held else "Pin"
        return (
            f'<a class="pin{" held" if held else ""}" id="pin-{key}" data-pin href="{target}" hx-get="{target}" '
            f'hx-target="#board" hx-push-url="true" aria-label="{word} {text(row.model_name)}" title="{word}">{PIN}</a>'
        )

    def more(self, row: Row, key: str) -> str:
        """A link that shows the row's details below it, or hides them."""
        told, target = row.key in self.opened, escape(self.details.address(row.key))
        label = f'aria-label="Details of {text(row.model_name)}" title="Details"'
        return (
            f'<a class="more" id="more-{key}" href="{target}" hx-get="{target}" hx-target="#board" hx-push-url="true" '
            f'aria-expanded="{"true" if told else "false"}" {label}>{CHEVRON}</a>'
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

    @property
    def tasks(self) -> list[Column]:
        return self.board.columns.tasks

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

    def cell(self, row: Row, column: Column, cell: Cell | None, link: str) -> str:
        scores = self.board.scores
        value = fraction(cell, scores)
        if cell is None or value is None:
            why = text((cell or {}).get("unavailable") or "no result")
            if link:
                dash = f'<a class="dash" href="{link}" aria-label="Not measured: {why}" title="{why}">–</a>'
            else:
                dash = f'<span class="dash" role="img" aria-label="Missing: {why}" title="{why}">–</span>'
            return f'<td class="num">{dash}</td>'
        shown = cell_text(cell, scores)
        if row.rank and value == column.best:
            shown = f'<b class="best">{shown}</b>'
        return f'<td class="num {heat(column, value)}">{shown}</td>'

    def run(self, row: Row) -> str:
        words, short = text(settings_words(row.settings)), text(settings_short(row.settings))
        sha = text(row.sha)
        if row.submission_id:
            inside = f"{short} <code>{text(row.short_sha)}</code>"
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
def task_headings(context: RequestContext, board: Board) -> SafeString:
    """The headings of all tasks: each sorts by its task."""
    parameters = context["request"].GET.copy()
    for name in ("page", "sort"):
        parameters.pop(name, None)
    before = f"{parameters.urlencode()}&" if parameters else ""
    return mark_safe("".join(  # noqa: S308  # see `text`
        heading(number, column, board.sort, f"?{before}sort=") for number, column in enumerate(board.columns.tasks, 1)
    ))  # fmt: skip


def heading(number: int, column: Column, sort: str, before: str) -> str:
    name, title = column.task.task, text(column.task.title)
    target = escape(before + next_sort(sort, name))
    order = aria_sort(sort, name)
    arrow = ARROW[0].format(ARROW[1 if order == "ascending" else 2])
    told = f' aria-sort="{order}"' if order != "none" else ""
    lower = "" if column.task.higher_is_better else '<span class="hint">lower is better</span>'
    return (
        f'<th scope="col" class="num"{told}><a id="sort-{number}" href="{target}" hx-get="{target}" hx-target="#board" '
        f'hx-push-url="true" title="{title}"><span class="label">{title}</span>{arrow}</a>{lower}</th>\n'
    )


def by_size(one: FacetValue) -> int:
    """The place of a size class; the unknown comes last."""
    titles = [title for _, title in SIZE_CLASSES]
    return titles.index(one.value) if one.value in titles else len(titles)


@register.simple_tag
def facet_values(facet: Facet) -> SafeString:
    """The values of a facet as check boxes: the most frequent first, sizes from small to large."""
    values = sorted(facet.values, key=by_size) if facet.name == "size_class" else facet.values
    listed = [
        f'<li><label><input type="checkbox" name="{facet.name}" value="{escape(one.value)}" form="filters" '
        f'id="facet-{facet.name}-{number}"{" checked" if one.chosen else ""}><span class="clip" '
        f'title="{(shown := text(one.value))}">{shown}</span> <small>{one.count}</small></label></li>\n'
        for number, one in enumerate(values[:SHOWN_VALUES], 1)
    ]
    more = len(facet.values) - SHOWN_VALUES
    if more > 0:
        listed.append(f'<li class="dim">and {more} more: search with {facet.name}:…</li>')
    return mark_safe("".join(listed))  # noqa: S308  # see `text`
