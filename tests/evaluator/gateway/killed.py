"""A worker that is killed in the middle: asks the endpoint of stdin's specification, a request for each argument after
the journal's folder, all at once, and says on stdout which are answered."""

import sys
import threading
from pathlib import Path

import msgspec

from evaluator.contract import EndpointSpec
from evaluator.gateway import Gateway
from tests.evaluator.gateway.asked import body_of, post


def main() -> None:
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=EndpointSpec)
    with Gateway(spec, journal=Path(sys.argv[1])) as gateway:

        def ask(text: str) -> None:
            if post(gateway, body_of(text)).status_code == 200:
                print(f"{text}\n", end="", flush=True)  # in one piece: others write too

        threads = [threading.Thread(target=ask, args=[text]) for text in sys.argv[2:]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
