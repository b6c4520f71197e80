"""The harness on a host where loading an engine is an error: python -m tests.evaluator.no_engine RUN_FOLDER"""

import sys
from typing import Any

from evaluator import harness


def loaded(*_: Any) -> Any:
    raise AssertionError("an engine was loaded")


if __name__ == "__main__":
    harness.load_engine = loaded
    sys.exit(harness.main(sys.argv[1:]))
