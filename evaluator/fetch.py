"""Brings a model's weights in a process of its own, so that a download ends at once when its attempt does.

    python -m evaluator.fetch FOLDER        (the request is FOLDER/request.json, the Hub's token comes on stdin)

Exit status 0: the weights are where `hub.download` puts them. 3: FOLDER/failure.json says why not.
"""

import os
import sys
from pathlib import Path

from evaluator import hub, run
from evaluator.contract import Wire, decode
from evaluator.engines import environment
from evaluator.supervisor import LOG_LINES, Clock, Watch, run_child

MODULE = "evaluator.fetch"
REQUEST = "request.json"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Request(Wire, frozen=True):
    """What to fetch, as `hub.download` takes it."""

    name: str
    sha: str
    target: str
    endpoint: str | None


def fetch(request: Request, *, token: str | None, folder: Path, watch: Watch, clock: Clock) -> Path:
    """The folder with the weights, fetched if need be; `folder` is for this call's files.

    Raises hub.HubError, Died when it takes longer than `clock` allows, or whatever `watch` raises; an interrupted
    download goes on with the next call.
    """
    there = hub.downloaded(request.name, request.sha, target=Path(request.target))
    if there is not None:
        return there
    folder.mkdir(exist_ok=True)
    run.write(folder, REQUEST, request)
    proxies = {name: value for name, value in os.environ.items() if name.upper() in PROXIES}
    variables = environment.for_child() | proxies
    status = run_child(
        MODULE, folder, working_folder=folder, variables=variables, secret=token or "", watch=watch, clock=clock
    )
    failure = run.read_failure(folder)
    if failure is not None:
        raise hub.HubError(failure.code, failure.message)
    there = hub.downloaded(request.name, request.sha, target=Path(request.target))
    if status != 0 or there is None:
        last = "\n".join(run.log_tail(folder, limit=8_000).strip().splitlines()[-LOG_LINES:])
        message = f"The download of {request.name} ended with status {status}. Its last lines:\n{last}"
        raise hub.HubError("download_failed", message)
    return there


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    request = decode((folder / REQUEST).read_bytes(), Request)
    token = sys.stdin.read()
    try:
        hub.download(
            request.name,
            request.sha,
            token=token or None,
            target=Path(request.target),
            endpoint=request.endpoint,
        )
    except hub.HubError as error:
        run.write(folder, run.FAILURE, run.Failed(code=error.code, message=error.message))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
