"""Whether an answer reads like a refusal: by how it begins, in English. A rule of thumb, and said to be one.

Models that refuse say so at once, and a text that quotes a refusal later on is none. What is found is counted beside
the score and is no part of it.
"""

import re

BEGINNING = 240
"""Characters."""
_SORRY = r"(?:i am (?:very |really |truly |so )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately)\W{0,3}(?:but )?"
_CANNOT = (
    r"(?:i|we) (?:can ?not|can't|could not|couldn't|won't|will not|am unable to|am not able to|must decline|"
    r"have to decline|am not comfortable|do not feel comfortable|don't feel comfortable)"
)
_DOES = (
    r"(?:assist|help|provide|comply|fulfill?|answer|do|support|create|write|generate|engage|continue|share|give|"
    r"writing|helping|providing|sharing)"
)
_REFUSES = re.compile(
    rf"\W*(?:{_SORRY})?(?:as an ai\b[^.!?\n]{{0,80}}?, )?{_CANNOT}\b[^.!?\n]{{0,60}}?\b{_DOES}\b", re.IGNORECASE
)
_AM = re.compile(r"\b(i|we)'m\b", re.IGNORECASE)


def refuses(answer: str) -> bool:
    """Whether the answer begins with "I can't help with that" in one of its forms."""
    plain = answer.lstrip()[:BEGINNING].replace("’", "'")
    return bool(_REFUSES.match(_AM.sub(r"\1 am", plain)))
