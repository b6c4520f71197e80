"""A child without lm-eval that asks the gateway as often as the suite's description says: "ask 12".

`python -m tests.evaluator.asking_child RUN_FOLDER`. What it could see of the key is left in its log.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import httpx

from evaluator import run
from tests.evaluator.fake_child import succeed


def main() -> int:
    folder = Path(sys.argv[1])
    spec = run.read_spec(folder)
    behind = spec.behind
    assert behind is not None
    many = int(spec.suite.description.removeprefix("ask "))
    print(sys.argv, dict(os.environ), (folder / run.SPEC).read_text(), sep="\n", flush=True)
    writing = Lock()
    with httpx.Client(base_url=behind.url, timeout=60, trust_env=False) as http:
        http.headers["Authorization"] = f"Bearer {behind.token}"

        def ask(number: int) -> int:
            body = {"messages": [{"role": "user", "content": f"{number} + 1 ="}], "max_tokens": 16, "parity_pass": 1}
            reply = http.post("chat/completions", json=body)
            with writing:
                run.write(folder, run.PROGRESS, run.Progress(phase="evaluating", done=number, total=many))
            return reply.status_code

        with ThreadPoolExecutor(behind.concurrency) as pool:
            statuses = list(pool.map(ask, range(many)))
    if set(statuses) != {200}:
        run.write(folder, run.FAILURE, run.Failed(code="gateway_failed", message=f"It answered {set(statuses)}."))
        return 3
    succeed(folder, spec)
    return 0


if __name__ == "__main__":
    sys.exit(main())
