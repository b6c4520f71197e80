"""Starts a child's module with a watchdog that ends the child and all it started when its supervisor is gone.

    python -m evaluator.watchdog PIPE MODULE [ARGUMENT ...]

The supervisor holds the write end of a pipe and never writes. A small process in the child's process group waits at
the read end; when the pipe closes, however the supervisor died, it kills the group. (A death signal alone would reach
the child but not an engine's own processes, which keep the GPU.) It forks before the module is imported, while the
process is small.
"""

import os
import runpy
import signal
import sys


def watch(pipe: int) -> None:
    """Wait until the pipe closes, then kill this process group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    pipe, module = int(sys.argv[1]), sys.argv[2]
    if os.fork() == 0:
        watch(pipe)
    os.close(pipe)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
