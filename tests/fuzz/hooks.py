"""What schemathesis checks beside the schema: nobody reads what is somebody else's. Loaded by SCHEMATHESIS_HOOKS."""

import json
import os
from typing import Any

import schemathesis

ROLE, CANARIES = os.environ["FUZZ_ROLE"], json.loads(os.environ["FUZZ_CANARIES"])


@schemathesis.check
def reads_across_owners(ctx: Any, response: Any, case: Any) -> None:
    """No reply holds what only another person may read, unless the request itself named it."""
    text = response.content.decode("utf-8", "replace")
    for owner, canary in CANARIES.items():
        if owner != ROLE and canary in text:
            raise AssertionError(f"{ROLE} was shown what is {owner}'s: {canary}")
