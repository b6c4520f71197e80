"""The gateway between a run and the endpoint that it measures: a loopback proxy in the worker, never in the child.

It alone knows the API key. Whoever knows `token` asks it in OpenAI's words; it asks the endpoint in the endpoint's own,
at a checked address, as fast as that allows, within the submission's budget, and writes down every answer before giving
it on.

    outcomes limits secrecy          what may happen; bounds; the key in no text
    asking protocols/ learning       what is asked and answered, in each protocol's words
    connect reading faults exchange  one exchange over the network
    pacing meter ledger books asker  when to send, what it costs, the journal, and all of them together
    probing loopback gateway         looking at an endpoint; the server; its thread
"""

from evaluator.gateway.gateway import Gateway
from evaluator.gateway.limits import Limits
from evaluator.gateway.outcomes import Ended
from evaluator.gateway.probing import Answer

__all__ = ["Answer", "Ended", "Gateway", "Limits"]
