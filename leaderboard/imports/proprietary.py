"""Proprietary models as the package `genai-prices` lists them: names, context lengths, prices with the day they begin.

The package says who offers a model at which price. It does not say whether weights are open, and which inputs a model
takes only as far as it has prices for them. So: providers that sell their own models under their own name, without the
ones that are published as weights, and what has a price for text in and out. Nothing is typed in by hand but that list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, Provider, StartDateConstraint, TieredPrices

from leaderboard.imports.evaluations import Note

SOURCE = f"genai-prices {version('genai-prices')}"

LABS = {
    "anthropic": r"claude-.*",
    "openai": r"(?!gpt-oss)(gpt|chatgpt|o[0-9]|codex|computer-use).*",
    "google": r"gemini-.*",
    "x-ai": r"grok-.*",
    "perplexity": r"sonar.*",
}
"""Providers of models that nobody else may run, and the names of those models. The rest of their lists are other
people's models, models published as weights (gpt-oss, Gemma), and services that do not answer in text."""

NOT_TEXT = re.compile(
    r".*(image|tts|transcribe|audio|realtime|live|voice|whisper|translate|embed|moderation|nano-banana|:).*"
)
MODALITIES = ("text", "image", "audio", "video")


@dataclass(frozen=True)
class Tariff:
    """Prices from a day on, US dollars for a million tokens; of tiers, the first. `detail` has them all."""

    starts_on: date | None
    input_price: Decimal
    output_price: Decimal
    detail: dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """A proprietary model, its facts by column, and its prices."""

    name: str
    facts: dict[str, Any]
    tariffs: list[Tariff]
    source_url: str


def read() -> tuple[list[Listed], list[Note]]:
    """All proprietary models that the package has, by name, and what of those providers was left out, and why."""
    found: list[Listed] = []
    skipped: list[Note] = []
    for provider in providers:
        if provider.id not in LABS:
            continue
        for model in provider.models:
            reason = unfit(provider, model)
            if reason:
                skipped.append(Note(f"{provider.id}/{model.id}", reason))
            else:
                found.append(listed(provider, model))
    return sorted(found, key=lambda one: one.name), skipped


def unfit(provider: Provider, model: ModelInfo) -> str:
    """Why a model is not taken in, or ""."""
    if not re.fullmatch(LABS[provider.id], model.id):
        return "It is not one of its provider's own proprietary language models."
    if NOT_TEXT.fullmatch(model.id):
        return "It is a variant for other media than text, or one name for several models."
    return "" if list(tariffs(model)) else "It has no price for tokens in and out."


def listed(provider: Provider, model: ModelInfo) -> Listed:
    facts: dict[str, Any] = {"modalities": modalities(model)}
    if model.context_window:
        facts["context_length"] = model.context_window
    urls = provider.pricing_urls or [""]
    return Listed(f"{provider.id}/{model.id}", facts, list(tariffs(model)), urls[0])


def conditions(model: ModelInfo) -> Iterator[tuple[date | None, ModelPrice]]:
    """Prices with the day they begin. Prices that hold at some hours of the day only are left out."""
    prices = [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices
    for price in prices:
        if price.constraint is None:
            yield None, price.prices
        elif isinstance(price.constraint, StartDateConstraint):
            yield price.constraint.start_date, price.prices


def tariffs(model: ModelInfo) -> Iterator[Tariff]:
    by_start = {
        start: {key: value for key, value in vars(price).items() if value is not None}
        for start, price in conditions(model)  # of two prices for one day the later one counts, as in the package
    }
    for start, prices in by_start.items():
        if "input_mtok" in prices and "output_mtok" in prices:
            detail = {key: plain(value) for key, value in sorted(prices.items())}
            yield Tariff(start, first(prices["input_mtok"]), first(prices["output_mtok"]), detail)


def first(price: Decimal | TieredPrices) -> Decimal:
    """The price of the first token."""
    return price.base if isinstance(price, TieredPrices) else price


def plain(price: Decimal | TieredPrices) -> Any:
    """A price as JSON: a text, or the first one with the tiers above it."""
    if isinstance(price, TieredPrices):
        return {
            "base": str(price.base),
            "tiers": [{"above": tier.start, "price": str(tier.price)} for tier in price.tiers],
        }
    return str(price)


def modalities(model: ModelInfo) -> list[str]:
    """Text, and what else the package has a price for taking in. Images are often priced as text, and then not here."""
    keys = {key for _, price in conditions(model) for key, value in vars(price).items() if value is not None}
    dimensions = [unit["dimensions"] for unit in unit_data.values() if unit["price_key"] in keys]
    taken = {one.get("modality") for one in dimensions if one.get("direction") == "input"}
    return [modality for modality in MODALITIES if modality == "text" or modality in taken]
