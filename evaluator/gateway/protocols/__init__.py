"""How endpoints are asked, protocol by protocol: pure translation, no network.

Each has a `Dialect`: the path it adds to the base URL, the body of a request, and how its answers are read, in one
piece or event by event.
"""

from evaluator.contract import Protocol
from evaluator.gateway.protocols import anthropic_messages, openai_chat, openai_completions, openai_responses
from evaluator.gateway.protocols.dialect import Dialect, Listener

DIALECTS: dict[Protocol, Dialect] = {
    "openai-chat": openai_chat.DIALECT,
    "openai-completions": openai_completions.DIALECT,
    "openai-responses": openai_responses.DIALECT,
    "anthropic-messages": anthropic_messages.DIALECT,
}

__all__ = ["DIALECTS", "Dialect", "Listener"]
