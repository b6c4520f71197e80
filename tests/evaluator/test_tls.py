"""A site whose certificate has expired: what a worker and `parity` say, and that they go on once it is renewed."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evaluator.api_client import ApiError, Parity
from evaluator.client import Site, SiteError
from tests import receiver
from tests.evaluator.test_client import CLAIM

NAME = "localhost"
Issue = Callable[[timedelta], Path]


@pytest.fixture
def issue(tmp_path: Path) -> Issue:
    """Certificates of one authority for NAME, valid until so long from now; the authority's is `authority.pem`."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ours")])
    now = datetime.now(UTC)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def signed(subject: x509.Name, until: timedelta, *, authority: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=90))
        builder = builder.not_valid_after(now + until)
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        return builder.sign(key, hashes.SHA256())

    root = signed(name, timedelta(days=900), authority=True)
    (tmp_path / "authority.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def issued(until: timedelta) -> Path:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        path = tmp_path / f"{until.days}.pem"
        made = signed(subject, until, authority=False).public_bytes(serialization.Encoding.PEM)
        path.write_bytes(key.private_bytes(*plain) + made)
        return path

    return issued


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_an_expired_certificate_is_named_and_a_renewed_one_believed(
    issue: Issue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with receiver.listening(tls=serving(issue(timedelta(days=-1)))) as old:
        url = f"https://{NAME}:{old.port}"
        site = Site(Site.connect(url, "token").http, sleep=lambda _: None)
        with site.http, pytest.raises(SiteError, match="certificate has expired") as refusal:
            site.claim(CLAIM)
        assert refusal.value.status == 0 and "Renew it where TLS ends" in str(refusal.value)
        with Parity(url, sleep=lambda _: None) as api, pytest.raises(ApiError, match="has expired"):
            api.call("GET", "suites/")
        assert old.calls == []
    with receiver.listening(tls=serving(issue(timedelta(days=1)))) as renewed:
        site = Site.connect(f"https://{NAME}:{renewed.port}", "token")
        with site.http:
            assert site.claim(CLAIM) is None
        assert len(renewed.calls) == 1


def test_an_authority_of_ones_own_is_named(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with receiver.listening(tls=serving(issue(timedelta(days=1)))) as site:
        there = Site(Site.connect(f"https://{NAME}:{site.port}", "token").http, sleep=lambda _: None)
        with there.http, pytest.raises(SiteError, match="for an authority of your own set SSL_CERT_FILE"):
            there.claim(CLAIM)
