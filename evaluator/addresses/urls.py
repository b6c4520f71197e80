"""The form of a URL: read strictly, so that no program after this one reads another host from the same text."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from evaluator.addresses.ranges import Address, AddressRefused, Network, check_address

LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa")
METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "metadata", "instance-data")
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([/?][^#]*)?(#.*)?")
BRACKETED = re.compile(r"\[([^\[\]]*)\](?::([0-9]+))?")
PLAIN = re.compile(r"([^:\[\]]*)(?::([0-9]+))?")


@dataclass(frozen=True)
class Allowed:
    """An operator's exceptions: hosts (with a port: only there; without: on every port) and networks."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """PARITY_ENDPOINT_ALLOW: `hooks.corp:8443, 10.1.2.3, [fd12::1]:80, 10.9.0.0/16`; raises ValueError in words."""
        hosts, ranges = set(), []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            if "/" in entry:
                try:
                    ranges.append(ipaddress.ip_network(entry))
                except ValueError as error:
                    raise ValueError(f"{entry!r} is not a network such as 10.9.0.0/16: {error}") from error
                continue
            bare = f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else entry
            try:
                hosts.add(read_authority(bare))
            except AddressRefused as error:
                raise ValueError(f"{entry!r} is not host, host:port or a network: {error.message}") from error
        return cls(frozenset(hosts), tuple(ranges))

    def origin(self, host: str, port: int) -> bool:
        """Whether this very host and port are listed, by name or by the network that a numeric host is in."""
        number = numeric(host)
        return bool({(host, port), (host, None)} & self.hosts) or (number is not None and self.address(number))

    def address(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


NOBODY = Allowed()


def is_broker(url: str) -> bool:
    """Whether it is a REDIS_URL: redis:// or rediss:// with a host, or the two schemes for a socket's path."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme in {"redis+socket", "unix"}:
        return bool(parts.path)
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and port != 0


@dataclass(frozen=True)
class Target:
    """A URL of sound form. `host` is ASCII and lower case, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == {"https": 443, "http": 80}[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def check_url(url: str, allowed: Allowed = NOBODY) -> Target:
    """The parts of `url`, if something may be sent there; raises AddressRefused.

    A numeric host is judged at once, a name when a connection looks it up.
    """
    hidden = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
    if any(character == "\\" or unicodedata.category(character) in hidden for character in url):
        raise AddressRefused("bad_url", "The address holds a space, a backslash or a character that cannot be seen.")
    parts = PARTS.fullmatch(url)
    if parts is None:
        raise AddressRefused("bad_url", "This is not an address such as https://example.org/path.")
    scheme = parts[1].lower()
    if scheme not in {"http", "https"}:
        raise AddressRefused("not_https", f"The address starts with {scheme}://, only https:// is contacted.")
    if "@" in parts[2]:
        raise AddressRefused("userinfo", "The address holds a user name or password before an @; leave it out.")
    host, asked = read_authority(parts[2])
    port = asked if asked is not None else {"https": 443, "http": 80}[scheme]
    listed = allowed.origin(host, port)
    if scheme == "http" and not listed:
        raise AddressRefused("not_https", f"{host} is only contacted over https://.")
    if not listed and port != 443 and port < 1024:
        raise AddressRefused("bad_port", f"Port {port} is refused: it is 443, or one from 1024 on.")
    number = numeric(host)
    if number is not None:
        check_address(host, number, allowed=listed)
    else:
        check_name(host, listed=listed)
    try:
        path = httpx.URL(f"https://host{parts[3] or '/'}").raw_path.decode("ascii")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise AddressRefused("bad_url", "The part after the host cannot be read.") from error
    return Target(scheme, host, port, path)


def checked_addresses(host: str, port: int, allowed: Allowed, answers: Iterable[str]) -> list[Address]:
    """What `host` was resolved to, each once; raises AddressRefused if any one may not be contacted."""
    found = list(dict.fromkeys(ipaddress.ip_address(answer) for answer in answers))
    for address in found:
        check_address(host, address, allowed=allowed.origin(host, port) or allowed.address(address))
    return found


def read_authority(text: str) -> tuple[str, int | None]:
    """Host and port of `host:port`, the host in its one plain spelling; raises AddressRefused."""
    bracketed, plain = BRACKETED.fullmatch(text), PLAIN.fullmatch(text)
    found = bracketed or plain
    if found is None:
        raise AddressRefused("bad_host", f"{text[:100]!r} is not a host, or a host and a port.")
    port = None
    if found[2] is not None:
        port = int(found[2]) if len(found[2]) <= 5 else 0
        if not 1 <= port <= 65_535:
            raise AddressRefused("bad_port", f"There is no port {found[2][:20]}.")
    return (read_ipv6(found[1]) if bracketed else read_host(found[1])), port


def read_ipv6(text: str) -> str:
    """An IPv6 address in its shortest spelling; raises AddressRefused."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as error:
        raise AddressRefused("bad_host", f"[{text[:60]}] is not an IPv6 address.") from error
    if address.scope_id is not None:
        raise AddressRefused("bad_host", f"[{text[:60]}] names a network card of this host; leave out the % part.")
    return str(address)


def read_host(text: str) -> str:
    """A name or an IPv4 address in lower-case ASCII without the final dot; raises AddressRefused for odd spellings."""
    shown = text[:100]
    host = text.lower()
    if not text.isascii():
        try:
            host = httpx.URL(f"https://{text}/").raw_host.decode("ascii")
        except (httpx.InvalidURL, UnicodeError) as error:
            raise AddressRefused("bad_host", f"{shown!r} is not an internationalised host name.") from error
    host = host.removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("bad_host", f"{shown!r} is not a host name.")
    if NUMBER.fullmatch(labels[-1]):  # whatever ends in a number is an IPv4 address to some program
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            message = f"{shown!r} is an odd spelling of an IPv4 address; write four decimal numbers."
            raise AddressRefused("bad_host", message) from error
    return host


def numeric(host: str) -> Address | None:
    """The address that `host` spells, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_name(host: str, *, listed: bool) -> None:
    """Raise AddressRefused for a cloud's metadata and, if not `listed`, for a name that only some network knows."""
    if host in METADATA_NAMES:
        raise AddressRefused("private_address", f"{host} is refused: it is a cloud's metadata service.")
    local = "." not in host or host.endswith(tuple(f".{name}" for name in LOCAL_NAMES))
    if local and not listed:
        raise AddressRefused("private_address", f"{host} is refused: it is a name inside some network, not public.")
