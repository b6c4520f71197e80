"""Families of licences, by the names that the Hub gives licences."""

import re

from leaderboard.models import Model

Family = Model.LicenceFamily

FAMILIES: tuple[tuple[Family, str], ...] = (
    (Family.NONCOMMERCIAL, r"cc-by-nc.*|.*-nc(-.*)?|.*non-?commercial.*|.*-research(-.*)?|fair-noncommercial.*"),
    (
        Family.PERMISSIVE,
        r"apache-2\.0|mit|mit-0|bsd.*|isc|zlib|unlicense|wtfpl|cc0-1\.0|cc-by-[0-9.]+|afl-3\.0|artistic-2\.0|bsl-1\.0|"
        r"ms-pl|ncsa|postgresql|odc-by|pddl|cdla-permissive.*|ecl-2\.0|apple-ascl",
    ),
    (
        Family.COPYLEFT,
        r"a?gpl.*|lgpl.*|mpl-2\.0|osl-3\.0|epl-[12]\.0|eupl.*|cc-by-sa.*|odbl|cdla-sharing.*|gfdl|lppl.*|ofl-1\.1",
    ),
    (
        Family.COMMUNITY,
        r"llama.*|gemma|.*openrail.*|bigscience-bloom-rail-1\.0|.*-rail.*|qwen.*|tongyi.*|deepseek.*|falcon.*|"
        r"apple-amlr|open-mdw|openmdw.*|nvidia-open.*|cc-by-nd.*|lfm1\.0|hunyuan.*",
    ),
)
"""The first pattern that the whole name matches decides. Families say what a licence broadly allows, no more."""


def family(licence: str) -> str:
    """The family of a licence; "" where nobody said which licence it is, "other" for one without a family."""
    name = licence.strip().lower()
    if name in {"", "unknown"}:
        return ""
    return next((found for found, pattern in FAMILIES if re.fullmatch(pattern, name)), Family.OTHER).value
