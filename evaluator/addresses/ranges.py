"""Which addresses are public, and which nobody may contact. `ipaddress.is_global` alone is not enough: it takes NAT64,
6to4 and some clouds' metadata addresses for public."""

import ipaddress
from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressRefused(Exception):
    """This address may not be contacted: a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def networks(table: dict[str, str]) -> list[tuple[Network, str]]:
    return [(ipaddress.ip_network(one), word) for line, word in table.items() for one in line.split()]


NEVER = networks(
    {
        "169.254.169.254 fd00:ec2::/32 fd20:ce::254 100.100.100.200 192.0.0.192 168.63.129.16": "a cloud's metadata",
        "169.254.0.0/16 fe80::/10": "link-local",
        "0.0.0.0/8 ::": "unspecified",
        "224.0.0.0/4 ff00::/8": "multicast",
        "255.255.255.255": "broadcast",
    }
)
"""Refused whatever an operator allows."""

NOT_PUBLIC = networks(
    {
        "127.0.0.0/8 ::1": "loopback",
        "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7": "private",
        "100.64.0.0/10": "shared by a provider's customers",
        "fec0::/10": "site-local",
        "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20": "for documentation",
        "198.18.0.0/15 2001:2::/48": "for benchmarking",
        "::ffff:0:0/96": "an IPv4 address written as IPv6",
        "::ffff:0:0:0/96 ::/96": "an IPv4 address inside IPv6",
        "64:ff9b::/96 64:ff9b:1::/48": "translated to IPv4 (NAT64)",
        "2002::/16 192.88.99.0/24": "of a 6to4 tunnel",
        "2001::/32": "of a Teredo tunnel",
        "192.0.0.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 240.0.0.0/4": "reserved",
        "2001::/23 2620:4f:8000::/48": "reserved",
    }
)
IPV6_IN_USE = ipaddress.ip_network("2000::/3")
NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
CARRIES_LAST = [
    ipaddress.ip_network(one) for one in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
"""Their last 32 bits are an IPv4 address; so are those after ...:0:5efe (ISATAP)."""


def check_address(host: str, address: Address, *, allowed: bool) -> None:
    """Raise AddressRefused unless `address`, which `host` stands for, is public, or `allowed` by the operator."""
    everyone = [address, *carried(address)]
    reasons = [forbidden(one) for one in everyone] + ([] if allowed else [unpublic(one) for one in everyone])
    words = next(filter(None, reasons), "")
    if words:
        where = f"{host} is refused: its address" if host == str(address) else f"{host} is refused: {address}"
        raise AddressRefused("private_address", f"{where} is {words}.")


def forbidden(address: Address) -> str:
    """Why nobody may allow `address`, or ""."""
    return next((word for network, word in NEVER if address in network), "")


def unpublic(address: Address) -> str:
    """Why `address` is not public, or ""."""
    found = next((word for network, word in NOT_PUBLIC if address in network), "")
    in_use = address.version == 4 or address in IPV6_IN_USE
    return found or ("" if address.is_global and in_use else "not public")


def carried(address: Address) -> Iterator[Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, translated, tunnelled or embedded."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    packed = address.packed
    if (any(address in network for network in CARRIES_LAST) and int(address) > 1) or packed[9:12] == b"\0\x5e\xfe":
        yield ipaddress.IPv4Address(packed[12:])
    if address in NAT64_LOCAL:
        yield ipaddress.IPv4Address(packed[6:8] + packed[9:11])
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
