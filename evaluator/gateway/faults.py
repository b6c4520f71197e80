"""What an error of the network or a status means: whether it may pass, may have cost, or ends everything."""

import contextlib
import email.utils
import json
import math
import time
from collections.abc import Iterator, Mapping

import aiohttp

from evaluator.addresses import AddressRefused
from evaluator.gateway.limits import Limits
from evaluator.gateway.outcomes import Ended, Failed, Fault, Unreadable
from evaluator.gateway.protocols.dialect import part
from evaluator.gateway.reading import TooLarge
from evaluator.gateway.secrecy import Mask

PASSING = frozenset({408, 409, 429})
"""Statuses below 500 after which the same request may succeed."""
GAVE_UP = frozenset({504, 524})
"""A server in between waited no longer: what is behind it may have answered, and may be paid."""
SHOWN = 300
"""Characters of the endpoint's own words in a message of ours."""
NO_MONEY = ("insufficient_quota", "insufficient balance", "credit balance is too low", "billing_hard_limit_reached")


def retry_after(headers: Mapping[str, str], most: float) -> float | None:
    """Seconds that the endpoint asks us to wait, at most `most`: a number, or a date; None where it says nothing."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        seconds = math.nan
        try:
            seconds = float(said) * unit
        except ValueError:
            with contextlib.suppress(ValueError, OverflowError):
                seconds = email.utils.parsedate_to_datetime(said).timestamp() - time.time()
        if not math.isnan(seconds):
            return min(max(seconds, 0.0), most)
    return None


def words_of(said: str) -> str:
    """An error body's sentence, short."""
    try:
        body = json.loads(said)
    except (ValueError, RecursionError):
        body = None
    found = part(body, "error", "message") or part(body, "message") or part(body, "detail") or part(body, "error")
    text = found if isinstance(found, str) else said
    return " ".join(text.split())[:SHOWN] or "(no words)"


def of_status(status: int, headers: Mapping[str, str], said: str, limits: Limits) -> Fault:
    """The fault of an answer that is none; `said` is its body, masked."""
    told = f"The endpoint answered {status}: {words_of(said)}"
    return Fault(
        kind=str(status),
        message=told,
        retry=status in PASSING or status >= 500,
        paid=status in GAVE_UP,
        status=status,
        wait_seconds=retry_after(headers, limits.wait_seconds),
        said=said,
        ends=end_of(status, said, told),
    )


def end_of(status: int, said: str, told: str) -> Ended | None:
    """What a status ends for good."""
    if status == 402 or (status in (400, 403, 429) and any(one in said.lower() for one in NO_MONEY)):
        return Ended("budget", "account_empty", f"{told} The account behind the key has nothing left: top it up.")
    if status == 401:
        return Ended("model", "credentials_refused", f"{told} The API key is wrong, expired or missing: give another.")
    if status == 403:
        return Ended("model", "access_refused", f"{told} The API key may not use this model or address.")
    if status in (404, 405, 410):
        return Ended("model", "not_found", f"{told} Check the base URL, the protocol and the model's name.")
    if status < 400:
        return Ended(
            "model", "redirected",
            f"The endpoint answered {status}. Redirections are not followed: give the final address.",
        )  # fmt: skip
    return None


@contextlib.contextmanager
def as_faults(mask: Mask) -> Iterator[None]:
    """Whatever goes wrong with the network as Failed. The original error is not kept: it may hold what was sent."""
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        fault = of_error(error, mask)
        if fault is None:
            raise
        raise Failed(fault) from None


def of_error(error: Exception, mask: Mask) -> Fault | None:
    """The fault that an exception stands for; None for a mistake of ours."""
    match error:
        case Unreadable():
            return Fault(error.kind, mask.text(error.message), paid=True)
        case TooLarge():
            return Fault("too_large", "The endpoint's answer is larger than any answer is.", paid=True)
        case AddressRefused():
            return Fault("address", error.message, retry=False, ends=Ended("model", error.code, error.message))
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            why = mask.text(str(getattr(error, "certificate_error", None) or error.os_error))[:SHOWN]
            message = f"The endpoint's TLS certificate or protocol is refused: {why}"
            return Fault("tls", message, retry=False, ends=Ended("model", "tls_refused", message))
        case aiohttp.ClientConnectorError():
            return Fault("connection", f"No connection to the endpoint: {mask.text(str(error.strerror))[:SHOWN]}")
        case aiohttp.ConnectionTimeoutError():
            return Fault("timeout", "The endpoint let no connection be made in time.")
        case TimeoutError():
            return Fault("timeout", "The endpoint did not answer in time.", paid=True)
        case aiohttp.ClientPayloadError():
            return Fault("cut", "The endpoint's answer was cut off.", paid=True)
        case aiohttp.ClientResponseError():
            return Fault("bad_http", "The endpoint's answer is not HTTP.", paid=True)
        case aiohttp.ClientError() | OSError():
            return Fault("connection", "The connection broke before the endpoint answered.", paid=True)
        case _:
            return None
