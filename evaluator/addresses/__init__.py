"""Which network addresses may be contacted on somebody's behalf, and a client that contacts no others.

A URL that a person gave could name this host, its neighbours or a cloud's metadata service. So its form is checked
(`check_url`), and at every connection its name is looked up once, every address found is checked, and the connection
goes to exactly a checked one (`client`): a name server that answers differently the next time is never asked again.

Operators list exact private origins in PARITY_ENDPOINT_ALLOW (`Allowed`); metadata addresses stay refused even then.

Shared by the site and the workers; standard library, httpx and httpcore only.
"""

from evaluator.addresses.pinned import client
from evaluator.addresses.ranges import AddressRefused
from evaluator.addresses.urls import NOBODY, Allowed, check_url, is_broker

__all__ = ["NOBODY", "AddressRefused", "Allowed", "check_url", "client", "is_broker"]
