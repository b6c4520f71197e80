"""The one error that this package raises on purpose."""


class EmbeddedError(RuntimeError):
    """An embedded server can't be used. The message says what went wrong, where, and what to do; show it as it is."""
