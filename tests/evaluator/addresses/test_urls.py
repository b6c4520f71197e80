"""What may be contacted, as a table."""

import pytest

from evaluator.addresses import AddressRefused, Allowed, check_url
from evaluator.addresses.urls import checked_addresses

REFUSED = {
    # Form
    "": "bad_url",
    "example.org": "bad_url",
    "//example.org/": "bad_url",
    "https:example.org": "bad_url",
    "https:/example.org": "bad_url",
    "https://": "bad_host",
    "https:///path": "bad_host",
    " https://example.org": "bad_url",
    "https://example.org/\n": "bad_url",
    "https://exam\tple.org": "bad_url",
    "https://example.org\\@10.0.0.1/": "bad_url",
    "https://exa\u200bmple.org/": "bad_url",
    "https://example.org/\u202e": "bad_url",
    "https://example.org\x00.evil.org/": "bad_url",
    "http://example.org/": "not_https",
    "HTTP://93.184.216.34/": "not_https",
    "ftp://example.org/": "not_https",
    "file:///etc/passwd": "not_https",
    "gopher://example.org/": "not_https",
    "javascript://example.org/%0aalert(1)": "not_https",
    "https://user:password@example.org/": "userinfo",
    "https://example.org@10.0.0.1/": "userinfo",
    "https://@example.org/": "userinfo",
    "https://10.0.0.1#@example.org/": "private_address",
    "https://example.org:0/": "bad_port",
    "https://example.org:65536/": "bad_port",
    "https://example.org:99999999999999999999/": "bad_port",
    "https://example.org:/": "bad_host",
    "https://example.org:4٤3/": "bad_host",
    "https://example.org:443:80/": "bad_host",
    "https://example.org:22/": "bad_port",
    "https://example.org:25/": "bad_port",
    "https://example.org:80/": "bad_port",
    # Names
    "https://localhost/": "private_address",
    "https://LocalHost./": "private_address",
    "https://a.localhost/": "private_address",
    "https://printer.local/": "private_address",
    "https://intranet/": "private_address",
    "https://db.corp.internal/": "private_address",
    "https://router.home.arpa/": "private_address",
    "https://metadata.google.internal/computeMetadata/v1/": "private_address",
    "https://METADATA.google.internal./": "private_address",
    "https://metadata.goog/": "private_address",
    "https://example..org/": "bad_host",
    "https://example.org../": "bad_host",
    "https://.example.org/": "bad_host",
    "https://-example.org/": "bad_host",
    "https://127%2e0.0.1/": "bad_host",
    "https://exam ple.org/": "bad_url",
    f"https://{'a' * 64}.org/": "bad_host",
    f"https://{'a.' * 130}org/": "bad_host",
    "https://１２７.0.0.1/": "bad_host",
    "https://①②⑦.⓪.⓪.①/": "bad_host",
    "https://127。0。0。1/": "private_address",
    "https://١٢٧.0.0.1/": "bad_host",
    # IPv4, plainly and oddly
    "https://127.0.0.1/": "private_address",
    "https://127.0.0.1./": "private_address",
    "https://127.255.255.254/": "private_address",
    "https://10.0.0.1/": "private_address",
    "https://172.31.255.255/": "private_address",
    "https://192.168.1.1/": "private_address",
    "https://0.0.0.0/": "private_address",
    "https://0.1.2.3/": "private_address",
    "https://100.64.0.1/": "private_address",
    "https://100.100.100.200/": "private_address",
    "https://169.254.169.254/latest/meta-data/": "private_address",
    "https://169.254.170.2/": "private_address",
    "https://168.63.129.16/": "private_address",
    "https://192.0.0.192/": "private_address",
    "https://192.0.2.1/": "private_address",
    "https://198.51.100.1/": "private_address",
    "https://203.0.113.1/": "private_address",
    "https://198.18.0.1/": "private_address",
    "https://198.19.255.255/": "private_address",
    "https://192.88.99.1/": "private_address",
    "https://224.0.0.1/": "private_address",
    "https://240.0.0.1/": "private_address",
    "https://255.255.255.255/": "private_address",
    "https://2130706433/": "bad_host",
    "https://0x7f000001/": "bad_host",
    "https://0x7f.0.0.1/": "bad_host",
    "https://127.0.0.0x1/": "bad_host",
    "https://0177.0.0.1/": "bad_host",
    "https://127.1/": "bad_host",
    "https://127.0.1/": "bad_host",
    "https://010.0.0.1/": "bad_host",
    "https://256.0.0.1/": "bad_host",
    "https://1.2.3.4.5/": "bad_host",
    "https://0x/": "bad_host",
    # IPv6
    "https://[::1]/": "private_address",
    "https://[0:0:0:0:0:0:0:1]/": "private_address",
    "https://[::]/": "private_address",
    "https://[::ffff:127.0.0.1]/": "private_address",
    "https://[::ffff:7f00:1]/": "private_address",
    "https://[::ffff:93.184.216.34]/": "private_address",
    "https://[::127.0.0.1]/": "private_address",
    "https://[::ffff:0:10.0.0.1]/": "private_address",
    "https://[64:ff9b::10.0.0.1]/": "private_address",
    "https://[64:ff9b::93.184.216.34]/": "private_address",
    "https://[64:ff9b:1::a00:1]/": "private_address",
    "https://[2002:a00:1::1]/": "private_address",
    "https://[2001:0:a00:1::1]/": "private_address",
    "https://[2a00:1450::5efe:10.0.0.1]/": "private_address",
    "https://[2a00:1450::200:5efe:10.0.0.1]/": "private_address",
    "https://[fd00:ec2::254]/": "private_address",
    "https://[fd20:ce::254]/": "private_address",
    "https://[fd12:3456::1]/": "private_address",
    "https://[fc00::1]/": "private_address",
    "https://[fe80::1]/": "private_address",
    "https://[fe80::1%25eth0]/": "bad_host",
    "https://[2606:4700::1111%eth0]/": "bad_host",
    "https://[fec0::1]/": "private_address",
    "https://[ff02::1]/": "private_address",
    "https://[2001:db8::1]/": "private_address",
    "https://[3fff::1]/": "private_address",
    "https://[2001:2::1]/": "private_address",
    "https://[2001:10::1]/": "private_address",
    "https://[100::1]/": "private_address",
    "https://[4000::1]/": "private_address",
    "https://[5f00::1]/": "private_address",
    "https://[::1/": "bad_host",
    "https://::1/": "bad_host",
    "https://[127.0.0.1]/": "bad_host",
    "https://[v1.x]/": "bad_host",
    "https://[::1]evil.org/": "bad_host",
}
TAKEN = {
    "https://example.org": "https://example.org/",
    "HTTPS://Example.ORG/Path?Q=1#part": "https://example.org/Path?Q=1",
    "https://example.org./": "https://example.org/",
    "https://example.org:443/": "https://example.org/",
    "https://example.org:0443/": "https://example.org/",
    "https://example.org:8443/a": "https://example.org:8443/a",
    "https://example.org?q": "https://example.org/?q",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://hooks_1.example.org/ä": "https://hooks_1.example.org/%C3%A4",
    "https://93.184.216.34/": "https://93.184.216.34/",
    "https://172.32.0.1/": "https://172.32.0.1/",
    "https://[2606:4700:4700::1111]:8443/": "https://[2606:4700:4700::1111]:8443/",
    "https://[2606:4700:0:0:0:0:E000:1]/": "https://[2606:4700::e000:1]/",
    "https://1password.example/": "https://1password.example/",
    "https://0x7f.example.org/": "https://0x7f.example.org/",
}


@pytest.mark.parametrize("url", REFUSED)
def test_it_is_refused_with_its_reason(url: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        check_url(url)
    assert refusal.value.code == REFUSED[url], refusal.value.message
    assert refusal.value.message.endswith(".") and "\n" not in refusal.value.message


@pytest.mark.parametrize("url", TAKEN)
def test_it_is_taken_in_one_spelling(url: str) -> None:
    assert check_url(url).url == TAKEN[url]
    assert check_url(TAKEN[url]).url == TAKEN[url]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://10.1.2.3/secret-path", "10.1.2.3 is refused: its address is private."),
        ("https://169.254.169.254/", "169.254.169.254 is refused: its address is a cloud's metadata."),
        ("https://[64:ff9b::a9fe:a9fe]/", "64:ff9b::a9fe:a9fe is refused: its address is a cloud's metadata."),
        ("https://intranet/", "intranet is refused: it is a name inside some network, not public."),
        ("https://127.1/", "'127.1' is an odd spelling of an IPv4 address; write four decimal numbers."),
    ],
)
def test_the_sentence_names_what_and_why_but_no_path(url: str, words: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        check_url(url)
    assert refusal.value.message == words


OPERATORS = Allowed.parse(
    "hooks.corp:8443, Files.Internal , 10.1.2.3, 127.0.0.1:9000, [fd12::1]:80, fd13::1, 10.9.0.0/16"
)


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("http://hooks.corp:8443/", True),
        ("https://hooks.corp:8443/", True),
        ("https://hooks.corp/", True),  # as any public name: what it resolves to decides
        ("http://hooks.corp/", False),
        ("http://files.internal:81/", True),
        ("http://x.files.internal/", False),
        ("http://10.1.2.3:22/", True),
        ("http://10.1.2.4/", False),
        ("http://127.0.0.1:9000/", True),
        ("http://127.0.0.1:9001/", False),
        ("http://[::ffff:127.0.0.1]:9000/", False),
        ("http://[fd12::1]/", True),
        ("https://[fd12::1]/", False),
        ("http://[fd13::1]:8080/", True),
        ("http://10.9.255.255/", True),
        ("http://10.10.0.0/", False),
        ("ftp://10.1.2.3/", False),
        ("http://user@10.1.2.3/", False),
    ],
)
def test_operators_allow_exact_private_origins(url: str, taken: bool) -> None:
    if taken:
        check_url(url, OPERATORS)
    else:
        with pytest.raises(AddressRefused):
            check_url(url, OPERATORS)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "[fd00:ec2::254]",
        "[fd20:ce::254]", "[::ffff:169.254.169.254]", "[64:ff9b::169.254.169.254]", "[2002:a9fe:a9fe::1]",
        "metadata.google.internal", "0.0.0.0", "[::]", "224.0.0.1", "[fe80::1]",
    ],
)  # fmt: skip
def test_metadata_and_the_like_are_never_allowed(host: str) -> None:
    for allowed in (host, "0.0.0.0/0,::/0"):
        with pytest.raises(AddressRefused):
            check_url(f"https://{host}/", Allowed.parse(allowed))


def test_an_allowed_name_may_be_private_and_still_not_metadata() -> None:
    assert [str(one) for one in checked_addresses("hooks.corp", 8443, OPERATORS, ["10.0.0.7", "10.0.0.7"])] == [
        "10.0.0.7"
    ]
    for port, answer in ((8443, "169.254.169.254"), (8443, "64:ff9b::a9fe:a9fe"), (443, "10.0.0.7")):
        with pytest.raises(AddressRefused):
            checked_addresses("hooks.corp", port, OPERATORS, [answer])


def test_one_bad_address_among_good_ones_refuses_the_name() -> None:
    with pytest.raises(AddressRefused, match=r"example\.org is refused: 10\.0\.0\.1 is private\."):
        checked_addresses("example.org", 443, Allowed(), ["93.184.216.34", "2606:4700::1111", "10.0.0.1"])


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "10.0.0.1/8", "a b", "http://x.org", "x:99999", "127.1", "*", "u@x.org"]
)
def test_a_list_that_cannot_be_read_is_an_error_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Allowed.parse(f"10.1.2.3, {text}")
