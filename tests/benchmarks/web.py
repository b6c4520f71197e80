"""`make bench-web`: the board on 100,000 models with 40 tasks each. Says what it does on stderr; the last line is JSON.

    models, tasks            what the ranking holds; the data is the real Open LLM Leaderboard, varied (board.dataset)
    snapshot_build_s         the whole ranking, results to stored columns; snapshot_memory_mb the most its process took
    rerank_s                 the same after one new result
    fresh_server_ms          the first page of a server that has just started
    new_ranking_worst_ms     the longest that a reader of the first page waits while a new ranking is built, which keeps
                             one core busy, and read
    first_page_p99_ms        wrk -t2 -c4 on the first page, packed as browsers ask for it (also _p50_ms, _per_s)
    drawn_page_p99_ms        the same, each time at an address that nobody asked for before, so that it is made anew
    worst_query_p99_ms       made anew too, going round facet + search + sort combinations
    conditional_to_constant  requests/s of 304s to those of a constant of the page's size through the same middleware
    uncached_to_constant     of whole pages, plain as the constant is; drawn_to_constant: of pages made anew, packed
    queries_per_page         the most that any of the pages asks; database_ms the longest that the database takes for it
    api_*, token_check_ms, parquet_*   the public API (board.api)
    first_view_kb, lcp_ms    what Chromium loads for the first page, all assets, an empty cache; requests to others

The server is production's: gunicorn, two workers with eight threads, settings without PARITY_MODE. PostgreSQL is the
embedded one, in a state folder of its own. Needs ../shared/data, wrk and Chromium. `--quick`: 2,000 models and short
runs. The same table by a gradio_leaderboard page: `make bench-gradio` (beside_gradio.py).
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leaderboard.embedded import process, services
from tests.benchmarks import browsing, load

ROOT = Path(__file__).resolve().parents[2]
CSV = ROOT.parent / "shared" / "data" / "open_llm_leaderboard_v2.csv"
FIRST = "/?suite=bench@1"
GZIP = {"Accept-Encoding": "gzip"}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def questions() -> list[str]:
    """Facets, searches and sorts together: each filters by two facets, searches names and numbers, sorts by a task."""
    facets = (
        "kind=open&precision=bfloat16",
        "licence_family=permissive&licence_family=other&merged=no",
        "size_class=4-10%20B&size_class=1-4%20B&kind=open",
        "precision=bfloat16&precision=float16&merged=no",
    )
    searches = ("llama%20size:%3C40", "-merge%20a%20leaderboard_bbh:%3E30", "o%20released:%3E=2024-03%20-qwen",
                "e%20-zz%20size:0.5..80%20bench_11:%3E20")  # fmt: skip
    sorts = ("-bench_07", "bench_21", "-leaderboard_gpqa", "-parameters")
    return [f"{FIRST}&{facet}&search={search}&sort={sort}" for facet in facets for search in searches for sort in sorts]


def environment(servers: services.Services, state: Path, port: int) -> dict[str, str]:
    """What the site is told: production's settings, without limits."""
    inherited = {variable: value for variable, value in os.environ.items() if variable != "PARITY_MODE"}
    return inherited | {
        "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url, "PARITY_STATE": str(state),
        "PARITY_SECRET_KEY": "bench", "PARITY_WORKER_TOKEN": "bench", "PYTHONPATH": str(ROOT),
        "PARITY_URL": f"http://127.0.0.1:{port}", "PARITY_RATES": "api=0,address=0,search=0,submit=0,login=0",
        "DJANGO_SETTINGS_MODULE": "leaderboard.settings",
    }  # fmt: skip


def run(env: dict[str, str], *arguments: str) -> dict[str, Any]:
    """A module of `tests.benchmarks.board`, or a command of manage.py, in a process; its last line as JSON."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} ended with status {done.returncode}.")
    lines = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return found


@contextmanager
def served(env: dict[str, str], port: int, log: Path) -> Iterator[str]:
    """The site, by gunicorn as docker/site.Dockerfile runs it."""
    command = [
        sys.executable, "-m", "gunicorn", "tests.benchmarks.board.site", f"--bind=127.0.0.1:{port}", "--workers=2",
        "--threads=8", "--keep-alive=75", "--access-logfile=-", "--no-control-socket",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    server = process.spawn(
        command, log=log, env={**env, "PARITY_STATEMENT_MS": "2000"}, cwd=ROOT, death_signal=signal.SIGTERM
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                fetched(url + "/bench/bare/10")
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    sys.exit(f"The site does not answer:\n{log.read_text()[-3000:]}")
                time.sleep(0.2)
        yield url
    finally:
        process.stop(server, signal=signal.SIGTERM, seconds=10)


def fetched(url: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an address, plain."""
    with urllib.request.urlopen(url, timeout=60) as reply:  # only loopback
        return reply.read(), dict(reply.headers.items())


def loads(url: str, seconds: int) -> dict[str, Any]:
    """Everything that wrk measures."""
    body, headers = fetched(url + FIRST)
    size, tag = len(body), headers["ETag"]
    asked = questions()
    say(f"wrk -t2 -c4, {seconds} s each: a page of {size:,} bytes, {len(asked)} questions")
    load.wrk(url, [FIRST, *asked], seconds=max(3, seconds))  # both workers fetch the ranking and sort its columns
    first = load.wrk(url, [FIRST], seconds=seconds, headers=GZIP)
    drawn = load.wrk(url, [FIRST], seconds=seconds, headers=GZIP, fresh=True)
    worst = load.wrk(url, asked, seconds=seconds, headers=GZIP, fresh=True)
    plain = load.wrk(url, [FIRST], seconds=seconds)
    constant = load.wrk(url, [f"/bench/constant/{size}"], seconds=seconds)
    bare = load.wrk(url, [f"/bench/bare/{size}"], seconds=seconds)
    conditional = load.wrk(url, [FIRST], seconds=seconds, headers={"If-None-Match": tag})
    return {
        "first_page_p50_ms": first.p50_ms, "first_page_p99_ms": first.p99_ms, "first_page_per_s": first.per_second,
        "drawn_page_p50_ms": drawn.p50_ms, "drawn_page_p99_ms": drawn.p99_ms, "drawn_page_per_s": drawn.per_second,
        "worst_query_p50_ms": worst.p50_ms, "worst_query_p99_ms": worst.p99_ms, "worst_query_per_s": worst.per_second,
        "uncached_per_s": plain.per_second, "constant_per_s": constant.per_second, "bare_per_s": bare.per_second,
        "conditional_per_s": conditional.per_second, "conditional_p99_ms": conditional.p99_ms,
        "conditional_to_constant": round(conditional.per_second / constant.per_second, 3),
        "uncached_to_constant": round(plain.per_second / constant.per_second, 3),
        "drawn_to_constant": round(drawn.per_second / constant.per_second, 3), "page_bytes": size,
    }  # fmt: skip


def new_ranking(env: dict[str, str], url: str, seconds: int) -> dict[str, Any]:
    """How long readers wait while a ranking with one more result is built and read, and until both workers show it."""
    command = [sys.executable, "-m", "tests.benchmarks.board.rankings", "bench@1", "again"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as build:
        read = load.wrk(url, [FIRST], seconds=seconds, headers=GZIP)
        if build.wait():
            sys.exit("The new ranking could not be built.")
    return {"new_ranking_worst_ms": read.worst_ms}


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.web")
    parser.add_argument("--quick", action="store_true", help="2,000 models, short runs")
    parser.add_argument("--models", type=int, default=0)
    parser.add_argument("--port", type=int, default=8790)
    options = parser.parse_args()
    models, seconds = options.models or (2_000 if options.quick else 100_000), 2 if options.quick else 10
    if not CSV.exists():
        sys.exit(f"bench-web needs the real table: {CSV} is not there.")
    with tempfile.TemporaryDirectory(prefix="parity-bench-web-") as name:
        state = Path(name)
        servers = services.ensure(state, postgres=True, valkey=True)
        try:
            found = measured(environment(servers, state, options.port), state, models, seconds, options)
        finally:
            servers.close()
    print(json.dumps(found))


def measured(
    env: dict[str, str], state: Path, models: int, seconds: int, options: argparse.Namespace
) -> dict[str, Any]:
    board = "tests.benchmarks.board."
    run(env, "manage.py", "migrate", "--verbosity=0")
    run(env, "-m", f"{board}dataset", str(CSV), str(models))
    say("building the ranking, and once more with a new result")
    whole = run(env, "-m", f"{board}rankings", "bench@1", "whole")
    again = run(env, "-m", f"{board}rankings", "bench@1", "again")
    found: dict[str, Any] = {
        "models": whole["rows"], "tasks": 40, "snapshot_build_s": whole["seconds"],
        "snapshot_memory_mb": whole["memory_mb"], "snapshot_bytes": whole["bytes"],
        "snapshot_readable_s": whole["until_readable_s"], "rerank_s": again["seconds"],
        "rerank_readable_s": again["until_readable_s"], "rerank_bytes": again["bytes"],
    }  # fmt: skip
    run(env, "manage.py", "collectstatic", "--no-input", "--verbosity=0")
    found |= run(env, "-m", f"{board}asked", FIRST, *questions()[::7])
    with served(env, options.port, state / "site.log") as url:
        started = time.perf_counter()
        fetched(url + FIRST)
        found["fresh_server_ms"] = round(1000 * (time.perf_counter() - started), 1)
        found |= loads(url, seconds)
        say("a new ranking, while it is read")
        found |= new_ranking(env, url, max(seconds, 10))
        say("Chromium: the first view")
        found |= browsing.first_view(url + FIRST)
    say("the API")
    return found | run(env, "-m", f"{board}api", "bench@1")


if __name__ == "__main__":
    main()
