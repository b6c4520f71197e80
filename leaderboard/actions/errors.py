"""What an action refuses, in words for the person who asked. API and pages turn these into their own replies."""


class Refused(Exception):
    """The input is understood and cannot be done. `field` names the input, `url` a thing worth looking at instead."""

    status = 400

    def __init__(self, code: str, message: str, *, field: str = "", url: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.url = code, message, field, url


class Conflict(Refused):
    """It contradicts what is already so: a duplicate, a stale attempt, an illegal transition."""

    status = 409


class NotFound(Refused):
    """It names something that is not there."""

    status = 404
