"""What README.md tells receivers to do, done."""

import re
import time
import uuid

import pytest

from leaderboard import messages
from tests.environment import ROOT


@pytest.mark.parametrize(("late", "changed", "expected"), [(0, b"", True), (301, b"", False), (0, b" ", False)])
def test_the_check_by_hand_takes_our_signature_and_no_other(late: int, changed: bytes, expected: bool) -> None:
    program = re.search(r"```python\n(import base64.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert program is not None
    names: dict[str, object] = {}
    exec(program[1], names)
    secret, body = messages.new_secret(), b'{"type": "submission.succeeded"}'
    headers = messages.signed(secret=secret, key=uuid.uuid4(), at=int(time.time()) - late, body=body)
    verified = names["verified"]
    assert callable(verified)
    assert verified(secret, headers, body + changed) is expected
    assert not verified(messages.new_secret(), headers, body)
