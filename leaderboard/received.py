"""A message that Celery has received: its acknowledgement may go unheard, and reading must go on all the same."""

from celery.worker.request import Request
from kombu.transport.virtual import QoS


class Received(Request):
    """A message to the site. Workers acknowledge nothing to the broker (evaluator.worker), so they need none of this.

    When the broker is away at the moment of an acknowledgement, Celery logs "Couldn't ack" and goes on, but the message
    counts as unread for ever: a worker that reads one at a time then never reads another, and looks healthy. Here it
    counts as read; should the broker still have it, it comes again, which is harmless.
    """

    def acknowledge(self) -> None:
        try:
            super().acknowledge()
        finally:
            if not self.message.acknowledged:
                QoS.ack(self.message.channel.qos, self.message.delivery_tag)
