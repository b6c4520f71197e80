"""What an action refuses, in words for the person who asked. API and pages turn these into their own replies."""


class Refused(Exception):
    """The input is understood and cannot be done. `field` names the input, `url` a thing worth looking at instead."""

    status = 400

    def __init__(self, code: str, message: str, *, field: str = "", url: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.url = code, message, field, url

    @property
    def headers(self) -> dict[str, str]:
        """What the reply says beside its body."""
        return {}


class Conflict(Refused):
    """It contradicts what is already so: a duplicate, a stale attempt, an illegal transition."""

    status = 409


class Unauthorised(Refused):
    """Who asks is not let in (any more)."""

    status = 401


class Forbidden(Refused):
    """Who asks sees it, and may not do it."""

    status = 403


class NotFound(Refused):
    """It names something that is not there."""

    status = 404


class TooOld(Refused):
    """Who asks is a program that this site does not work with any more; the message says what to install."""

    status = 426


class NoRoom(Refused):
    """There is no room for what was sent. It is not lost by the sender, who sends it again."""

    status = 507


class TooMany(Refused):
    """A quota is used up. `retry_after`: seconds until some of it is free again, None where nobody knows."""

    status = 429

    def __init__(self, code: str, message: str, *, retry_after: int | None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
