"""Several machines: a short drill (`make multi-host` is the long one), and the relay by itself."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.environment import ROOT
from tests.hosts import links
from tests.hosts.__main__ import IMPOSSIBLE, main
from tests.hosts.drill import HOSTS, SHORT, ZEROS
from tests.hosts.relay import Relay, Wire
from tests.stack import free_port


@pytest.mark.stack
def test_hosts_that_are_cut_off_lose_nothing() -> None:
    command = [sys.executable, "-m", "tests.hosts", "--short", "--seed", "12"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode == IMPOSSIBLE:
        pytest.skip(run.stderr.strip())
    print(run.stdout[-6_000:], run.stderr[-3_000:])
    report = json.loads(run.stdout.splitlines()[-1])
    assert {zero: report[zero] for zero in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert report["succeeded"] + report["cancelled"] == 24
    assert report["partitions"] == len(SHORT) and report["hosts"] == len(HOSTS)
    assert report["reach_only_the_site"] and report["round_trip_ms"] >= 80
    assert report["taken_over"] and report["takeover_s"] > report["lease_s"] - 1
    assert report["packets_lost"]
    assert run.returncode == 0


def test_where_namespaces_are_impossible_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(links, "PROGRAMS", ("unshare", "no-such-program"))
    assert main([]) == IMPOSSIBLE
    assert "no-such-program is not installed" in capsys.readouterr().err


@contextmanager
def echoing() -> Iterator[tuple[str, int]]:
    """A server that gives back what it gets, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return  # the test is over
                with caller:
                    while data := caller.recv(65_536):
                        caller.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def said_back(address: tuple[str, int], data: bytes) -> bytes:
    """What comes back of it; OSError where the wire broke."""
    with socket.create_connection(address, 10) as caller:
        caller.sendall(data)
        caller.shutdown(socket.SHUT_WR)
        found = b""
        while part := caller.recv(65_536):
            found += part
        return found


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_what_comes_late_comes_whole_and_in_order(loss: float) -> None:
    data, address = random.Random(1).randbytes(20_000), ("127.0.0.1", free_port())
    with echoing() as upstream, Relay(address, upstream, Wire(0.05, loss), random.Random(2)) as relay:
        began = time.monotonic()
        assert said_back(address, data) == data
        assert time.monotonic() - began >= 0.1
    assert (relay.counted["lost"] > 0) == (loss > 0)
    assert relay.counted["packets"] >= 2 * 20_000 / 1448


def test_a_wire_that_breaks_ends_the_connection_and_no_other() -> None:
    address = ("127.0.0.1", free_port())
    with echoing() as upstream, Relay(address, upstream, Wire(cut=0.2), random.Random(3)) as relay:
        ends = {whole(address) for _ in range(20)}
    assert ends == {True, False}
    assert relay.counted["cut"] and relay.counted["connections"] == 20


def whole(address: tuple[str, int]) -> bool:
    try:
        return said_back(address, b"hello") == b"hello"
    except OSError:
        return False
