"""How numbers and texts are written on pages."""

import unicodedata
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

DASH = "–"


@register.filter
def lookup(mapping: dict[str, Any], key: str) -> Any:
    """mapping[key], or None: for keys that are only known in the template."""
    return mapping.get(key)


@register.filter
def points(score: float | None) -> str:
    """A suite score (0-100) with two decimals."""
    return DASH if score is None else f"{score:.2f}"


@register.filter
def percent(fraction: float | None) -> str:
    """A task score (fraction) as 0-100 with one decimal."""
    return DASH if fraction is None else f"{100 * fraction:.1f}"


@register.filter
def count(number: int | None) -> str:
    """135,000,000 as "135 M", 7,240,000,000 as "7.2 B": sizes of models."""
    if number is None:
        return DASH
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * limit:  # what rounds to 1000 of a unit is 1 of the next
            return f"{number / limit:.3g} {unit}"
    return str(number)


@register.filter
def tokens(number: int) -> str:
    """A number of tokens in full: "8,192"."""
    return f"{number:,}"


@register.filter
def money(amount: Decimal | float) -> str:
    """A price in US dollars with at least two decimals, and no zeros after them: "$2.50", "$0.0375"."""
    whole, _, cents = f"{amount:f}".partition(".")
    return f"${whole}.{cents.rstrip('0'):0<2}"


@register.filter
def outward(address: str) -> str:
    """An address of another site as it may stand in a link, "" for what is none: there `javascript:` would run."""
    return address if address.lower().startswith(("https://", "http://")) else ""


@register.filter
def visible(text: str) -> str:
    """Untrusted text with control and bidirectional characters made visible, so that nothing can hide in it."""
    text = str(text)
    if text.isprintable():  # most are, and a page shows hundreds
        return text
    return "".join(shown(character) for character in text)


def shown(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩" if hidden(character) else character


def hidden(character: str) -> bool:
    """Whether it shows nothing by itself, or turns round what others show. Line ends and tabs are known."""
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


LINES = str.maketrans("", "", "\n\t")
"""What takes line ends and tabs out of a text."""


@register.filter
def revealed(text: str, limit: int = 4_000) -> SafeString:
    """Untrusted text for a <pre>, hidden characters as elements (<i>U+202E</i>), which no text can imitate.

    Of more than `limit` characters the middle is left out, with a note of how many.
    """
    if len(text) > limit:
        half = limit // 2
        note = format_html("<em>… {} characters left out …</em>", f"{len(text) - 2 * half:,}")
        return format_html("{}{}{}", revealed(text[:half], half), note, revealed(text[-half:], half))
    if text.translate(LINES).isprintable():  # nothing is hidden in most texts, and a page shows dozens of them
        return escape(text)
    runs = ((concealed, "".join(run)) for concealed, run in groupby(text, key=hidden))
    return format_html_join("", "{}", ((codes(run) if concealed else run,) for concealed, run in runs))


def codes(run: str) -> SafeString:
    """Hidden characters by their numbers."""
    return format_html_join("", "<i>U+{}</i>", ((f"{ord(character):04X}",) for character in run))


@register.simple_tag(takes_context=True)
def query(context: RequestContext, **changes: Any) -> str:
    """This page's query string with some parameters changed; None or "" removes one."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}" if parameters else "?"


@register.simple_tag
def next_sort(current: str, column: str, *, descending_first: bool = True) -> str:
    """The sort that a click on `column` asks for: scores start with the best, names with A; again turns it round."""
    first, second = (f"-{column}", column) if descending_first else (column, f"-{column}")
    return second if current == first else first


@register.simple_tag
def aria_sort(current: str, column: str) -> str:
    """The value of aria-sort for a column's header."""
    if current == column:
        return "ascending"
    return "descending" if current == f"-{column}" else "none"
