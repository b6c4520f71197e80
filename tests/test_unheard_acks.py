"""A broker that goes away at the moment of an acknowledgement: Celery workers must read on after it.

Celery logs "Couldn't ack" and goes on, but the message counts as unread for ever; a worker that reads one at a time
then never reads another, and looks healthy.
"""

import uuid
from collections.abc import Callable

import pytest
from kombu import Connection, Message
from kombu.utils.imports import symbol_by_name
from redis.exceptions import ConnectionError as BrokerGone

from evaluator.worker import app as worker_app
from leaderboard.celery import app

TASKS = [f"leaderboard.{name}" for name in ("validate", "score", "deliver", "reconcile")]


def unheard(error: Exception) -> Callable[[str], None]:
    def remove(_: str) -> None:
        raise error

    return remove


@pytest.mark.parametrize("error", [BrokerGone("gone"), BrokenPipeError()], ids=["refused", "broken pipe"])
@pytest.mark.parametrize("name", TASKS)
def test_the_next_message_is_read(name: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    app.loader.import_default_modules()  # as a worker does when it starts
    task = app.tasks[name]
    queue = f"unheard.{uuid.uuid4()}"
    with Connection(str(app.conf.broker_url)) as connection:
        for _ in range(2):
            app.send_task(name, args=[0], queue=queue, connection=connection)
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        read: list[Message] = []
        channel.basic_consume(queue, False, read.append, "reader")
        connection.drain_events(timeout=5)
        assert not channel.qos.can_consume()
        request = symbol_by_name(task.Request)(
            read[0], app=app, task=task, on_ack=read[0].ack_log_error, connection_errors=connection.connection_errors
        )
        with monkeypatch.context() as broken:
            broken.setattr(channel.qos, "_remove_from_indices", unheard(error))
            try:
                request.acknowledge()
            except BrokenPipeError:
                assert isinstance(error, BrokenPipeError)
        assert channel.qos.can_consume()
        connection.drain_events(timeout=5)
        assert len(read) == 2
        request.acknowledge()
        read[1].ack()
        channel.queue_delete(queue)


def test_a_worker_tells_the_broker_nothing_that_could_go_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = f"unheard.{uuid.uuid4()}"
    url, options = str(app.conf.broker_url), worker_app.conf.broker_transport_options
    with Connection(url, transport_options=options) as connection:
        for _ in range(2):
            app.send_task("evaluator.doorbell", args=[0], queue=queue, connection=connection)
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        read: list[Message] = []
        channel.basic_consume(queue, False, read.append, "reader")
        connection.drain_events(timeout=5)
        with monkeypatch.context() as broken:
            broken.setattr(channel, "conn_or_acquire", unheard(BrokerGone("gone")))
            read[0].ack()
        connection.drain_events(timeout=5)
        assert len(read) == 2
        read[1].ack()
        channel.queue_delete(queue)
