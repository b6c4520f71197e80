"""A wait that Ctrl-C and SIGTERM end, without ending the process in the middle of what follows the wait."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Patience:
    """Inside `with`, the two signals only set `over`. Elsewhere than in the main thread it changes nothing."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.over = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: it was not set from Python

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.over = True
