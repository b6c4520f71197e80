"""vLLM's own API server on loopback, with real weights: as OpenAI chat, OpenAI completions and Anthropic messages."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from evaluator.engines import environment
from tests.stack import free_port

MODULE = "vllm.entrypoints.openai.api_server"
KEY = "sk-canary-41d6f0b2"
NAME = "smol"
START_SECONDS = 300.0


@dataclass(frozen=True)
class ModelServer:
    """Base URL of all three protocols."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def serving(weights: Path, folder: Path, *, dtype: str = "float32", sequences: int = 32) -> Iterator[ModelServer]:
    """A server that wants `KEY` and answers as `NAME`. It is gone when the block ends."""
    port, log = free_port(), folder / "server.log"
    arguments = ["--model", str(weights), "--served-model-name", NAME, "--host", "127.0.0.1", "--port", str(port)]
    # The model's own generation_config would change what is not asked for; weights are run here without it too.
    arguments += ["--dtype", dtype, "--enforce-eager", "--max-num-seqs", str(sequences), "--generation-config", "vllm"]
    arguments += ["--api-key", KEY, "--disable-log-stats"]
    variables = environment.for_child() | {"HF_HUB_OFFLINE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, *arguments],
            cwd=folder, env=variables, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    server = ModelServer(f"http://127.0.0.1:{port}/v1", process, log)
    try:
        wait(server)
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                pass  # asked and waited
        try:
            os.killpg(process.pid, signal.SIGKILL)  # its engine is a process of its own
        except ProcessLookupError:
            pass  # nothing is left
        process.wait()


def wait(server: ModelServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert server.process.poll() is None, server.log.read_text()[-3000:]
        assert time.monotonic() < deadline, server.log.read_text()[-3000:]
        try:
            headers = {"Authorization": f"Bearer {KEY}"}
            body = {"model": NAME, "prompt": "Hello", "max_tokens": 1}  # the first answer takes longer than any other
            reply = httpx.post(f"{server.url}/completions", json=body, headers=headers, timeout=120, trust_env=False)
            if reply.status_code == 200:
                return
        except httpx.TransportError:
            pass  # it is still loading
        time.sleep(0.5)
