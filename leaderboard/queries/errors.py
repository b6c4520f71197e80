"""What a reader asked for that cannot be answered."""


class BadQuery(Exception):
    """A parameter does not make sense; shown with status 400."""

    status = 400

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message, self.code = field, message, f"bad_{field}"


class Missing(BadQuery):
    """It names something that is not there; shown with status 404."""

    status = 404

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.code = f"unknown_{field}"


class Gone(BadQuery):
    """It names something that is not kept any more; shown with status 410."""

    status = 410

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.code = f"stale_{field}"
