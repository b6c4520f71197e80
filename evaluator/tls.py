"""Whose certificates are believed, and what is said of one that is not."""

import os
import ssl

import certifi


def trusted() -> ssl.SSLContext:
    """Whose certificates are believed: the public authorities, or those in the file that SSL_CERT_FILE names."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


def unheard(url: str, error: BaseException) -> str:
    """Why nothing came back from a site, and what to do where that is known."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return f"{url} does not answer: {error}"
    return (
        f"{url} shows a certificate that cannot be believed: {cause.verify_message}. Renew it where TLS ends (the "
        "proxy); for an authority of your own set SSL_CERT_FILE to its certificate."
    )
