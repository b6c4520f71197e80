"""`make bench-gateway`: what the gateway costs, and how it meets a limit. Prints what it does; the last line is JSON.

    direct_ms, gateway_ms   one request to a loopback server, median: directly, and through the gateway with its journal
    overhead_ms             the difference of the medians (aim: under 5)
    per_second              requests a second through the gateway, 32 at once (aim: at least 200)
    limited                 the engine of our runs through the gateway, to a server that allows 50 requests a second
                            (with a store of 50, and 50 ms for each) and answers 429 with Retry-After above: the share
                            of the 50/s that was reached, the store left out (aim: at least 0.85), and of requests
                            refused (aim: under 0.05)
    stock                   lm-eval's own client and the same server: with its default of 3 tries, and with 100; null
                            where `tenacity` is missing, which lm-eval[api] brings and our runs don't need

Server, gateway and client are processes of their own, as in a run.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from evaluator.contract import EndpointSpec, Price
from evaluator.gateway import Gateway
from tests.environment import ROOT

PAIRS, LOAD, AT_ONCE = 400, 4_000, 32
A_SECOND, STORE, LATENCY = 50, 50, 0.05
LIMITED = int(os.environ.get("BENCH_REQUESTS", "2000"))


@contextmanager
def serving(*arguments: float) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.chat_server", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


@contextmanager
def gateway_to(url: str, at_once: int) -> Iterator[Gateway]:
    spec = EndpointSpec(
        base_url=f"{url}/v1", protocol="openai-chat", model="bench", api_key="sk-bench-0123456789",
        allowed=("127.0.0.1",), concurrency=at_once, price=Price(input=1, output=5), budget_dollars=1_000.0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Gateway(spec, journal=Path(folder) / "journal") as gateway:
        yield gateway


def client(token: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.chat_client", *map(str, arguments)]
    environment = os.environ | {"OPENAI_API_KEY": token, "TQDM_DISABLE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def speed() -> dict[str, Any]:
    with serving() as url, gateway_to(url, AT_ONCE) as gateway:
        times = client(gateway.token, "pairs", f"{url}/v1", gateway.url, PAIRS)
        direct, through = (1000 * statistics.median(times[name]) for name in ("direct", "gateway"))
        print(f"one request: {direct:.2f} ms directly, {through:.2f} ms through the gateway", file=sys.stderr)
    with serving() as url, gateway_to(url, AT_ONCE) as gateway:
        seconds = client(gateway.token, "load", gateway.url, LOAD, AT_ONCE)["seconds"]
        bare = client(gateway.token, "load", f"{url}/v1", LOAD, AT_ONCE)["seconds"]
        print(f"{LOAD} requests, {AT_ONCE} at once: {seconds:.1f} s, directly {bare:.1f} s", file=sys.stderr)
    return {
        "direct_ms": round(direct, 2), "gateway_ms": round(through, 2), "overhead_ms": round(through - direct, 2),
        "per_second": round(LOAD / seconds), "direct_per_second": round(LOAD / bare),
    }  # fmt: skip


def met(url: str, told: dict[str, Any]) -> dict[str, Any]:
    """How a client did against the limit. What the store gave for nothing is left out."""
    counts = httpx.get(f"{url}/counts").json()
    answered, refused = counts["answered"], counts["refused"]
    return {
        "answered": answered, "refused": refused, "seconds": round(told["seconds"], 1),
        "of_limit": round(max(0, answered - STORE) / told["seconds"] / A_SECOND, 3),
        "refused_share": round(refused / (answered + refused), 3), "aborted": told["aborted"],
    }  # fmt: skip


def limited() -> dict[str, Any]:
    with serving(A_SECOND, STORE, LATENCY) as url, gateway_to(url, AT_ONCE) as gateway:
        ours = met(url, client(gateway.token, "ours", gateway.url, LIMITED, AT_ONCE))
        print(f"through the gateway: {ours}", file=sys.stderr)
    stock: dict[str, Any] = {}
    if importlib.util.find_spec("tenacity") is None:
        print("lm-eval's own client needs tenacity, which is not here: pip install tenacity", file=sys.stderr)
        return {"limited": ours, "stock": None}
    for tries in (3, 100):
        with serving(A_SECOND, STORE, LATENCY) as url:
            stock[f"{tries} tries"] = met(url, client("none", "stock", f"{url}/v1", LIMITED, AT_ONCE, tries))
            print(f"lm-eval alone, {tries} tries: {stock[f'{tries} tries']}", file=sys.stderr)
    return {"limited": ours, "stock": stock}


def main() -> None:
    print(json.dumps(speed() | limited()))


if __name__ == "__main__":
    main()
