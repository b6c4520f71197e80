"""How a chaos run asks the database: by a connection that may be lost like anybody else's, and is made again."""

import threading
import time
from typing import Any, LiteralString, Self

import psycopg

PATIENCE = 60.0
"""Seconds: the longest that a database may be away."""


class Database:
    """Reads, and the faults that are statements, in a `with` block. Each may be made twice without harm. `patience`:
    seconds that the database may be away before OperationalError is raised."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self.url, self.patience = url, patience
        self.lost = 0
        """How often the connection was gone."""
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._lock = threading.Lock()

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """One query; asked again over a new connection where the old one is dead or the server away."""
        deadline = time.monotonic() + self.patience
        with self._lock:
            while True:
                try:
                    return self._ask(query, parameters)
                except psycopg.OperationalError:
                    self.lost += self._connection is not None
                    self._drop()
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)

    def _ask(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(self.url, autocommit=True, connect_timeout=5)
        statement: LiteralString = query  # type: ignore[assignment]
        return self._connection.execute(statement, parameters or None).fetchall()

    def one(self, query: str, *parameters: Any) -> Any:
        return self.rows(query, *parameters)[0][0]

    def end_connections(self, share: float) -> int:
        """Terminate this share of everybody's connections, our own too; returns how many it hit."""
        query = (
            "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < %s) ended"
        )
        ended = int(self.one(query, share))
        with self._lock:
            try:
                self._ask("SELECT pg_terminate_backend(pg_backend_pid())", ())
            except psycopg.OperationalError:
                self.lost += 1
            self._drop()
        return ended + 1

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._drop()
