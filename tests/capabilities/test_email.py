"""The e-mail kind: addresses in one form, recipients that a grant names, and messages that a real server on loopback receives."""

from __future__ import annotations

import asyncio
import base64
import email.parser
import email.policy
import smtplib
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from capabilities import email as mail
from capabilities._mail.address import address
from capabilities._mail.send import compose
from capabilities._names.host import host
from gate import ANY, Denied, Gate
from gate.constraint import AllOf, AnyOf, Exact, OneOf, Subset, Wildcard, parse
from gate.effect import Risk, join
from gate.errors import NeedsApproval

REFUSED = [
    "",
    " ",
    "ann",
    "@corp.example",
    "ann@",
    "ann@corp",
    "ann@@corp.example",
    '"ceo@corp.example" <x@evil.example>',
    "Ceo <x@evil.example>",
    "<x@evil.example>",
    "ann@corp.example, x@evil.example",
    "ann@corp.example;x@evil.example",
    "ann@corp.example x@evil.example",
    "team: ann@corp.example;",
    "@relay.example:ann@corp.example",
    "ann(comment)@corp.example",
    "ann@corp.example(comment)",
    "ann@(x)corp.example",
    '"ann"@corp.example',
    '"a b"@corp.example',
    "ann@[192.0.2.1]",
    "ann@[IPv6:2001:db8::1]",
    "ann@192.0.2.1",
    "ann@0x7f.1",
    "x%evil.example@corp.example",
    "evil.example!x@corp.example",
    "|sh@corp.example",
    "ann@corp.example\r\nBcc: x@evil.example",
    "ann\n@corp.example",
    "ann@corp.example\n",
    "ann@corp.example.",
    ".ann@corp.example",
    "ann.@corp.example",
    "a..b@corp.example",
    "-f@corp.example",
    "ann@-corp.example",
    "ann@corp-.example",
    "ann@corp..example",
    "\u0430nn@corp.example",
    "ann@c\u043erp.example",
    "ann@corp\u3002example",
    "ann\uff20corp.example",
    "ann@corp.example\u200b",
    "ann@xn--a.example",
    "ann@evil.example@corp.example",
    "ann\\@evil.example@corp.example",
    "ann@corp.example?bcc=x@evil.example",
    "mailto:ann@corp.example",
    "ann@corp.example/x",
    "a" * 65 + "@corp.example",
    "ann@" + "a" * 250 + ".example",
    "ann@corp_x.example",
    "=?utf-8?q?x?=@corp.example",
    "=?utf-8?q?ceo=40evil.example?=@corp.example",
    "ann@corp.example\0",
    "\ud800@corp.example",
    None,
    5,
    True,
    ["ann@corp.example"],
    {"a": 1},
    b"ann@corp.example",
    "x" * 10_000_000,
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: ascii(value)[:60])
def test_what_is_no_bare_address_is_refused_with_a_reason(value: object) -> None:
    with pytest.raises(ValueError, match="....") as caught:
        address(value)
    assert len(str(caught.value)) < 400 and str(caught.value).isprintable()


def test_an_address_has_one_form() -> None:
    assert address("Ann.O'Neil+x@EU.Corp.Example") == "ann.o'neil+x@eu.corp.example"
    assert address("x@b\u00fccher.example") == "x@xn--bcher-kva.example" == address("x@XN--BCHER-KVA.example")
    assert mail.TO.parse(["b@corp.example", "A@corp.example", "a@CORP.example"]) == ["b@corp.example", "a@corp.example"]
    assert host("\u65e5\u672c\u30c6\u30b9\u30c8.example").startswith("xn--")


@given(st.from_regex(r"[a-zA-Z0-9._+@<>(),:;\"%! -]{1,30}@[a-zA-Z0-9.-]{1,20}\.example", fullmatch=True))
def test_what_is_taken_is_what_the_standard_library_reads(text: str) -> None:
    try:
        found = address(text)
    except ValueError:
        return
    message = email.parser.HeaderParser(policy=email.policy.default).parsestr(f"To: {found}\n\n")
    (read,) = message["To"].addresses
    assert (read.addr_spec, read.display_name) == (found, "") and address(found) == found


DOMAINS = ["corp.example", "*.corp.example", "*.evil.example", "evil.example", "eu.corp.example", "*.eu.corp.example"]
PEOPLE = [
    "ann@corp.example",
    "bob@eu.corp.example",
    "eve@evil.example",
    "x@corp.example.evil.example",
    "ANN@corp.example",
    "not one",
    None,
    5,
    ("ann@corp.example",),
    ("ann@corp.example", "eve@evil.example"),
    ("ann@corp.example", "bob@eu.corp.example", "c@corp.example"),
    (),
    "x@notcorp.example",
    "x@a.b.eu.corp.example",
]
CONSTRAINTS = st.builds(
    mail.Addresses,
    st.lists(st.sampled_from([one for one in PEOPLE if isinstance(one, str) and "@" in one]), max_size=2),
    st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=2),
    st.none() | st.integers(1, 3),
)
OTHERS = CONSTRAINTS | st.sampled_from(PEOPLE[:5]).map(Exact) | st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2).map(OneOf)


@given(CONSTRAINTS, OTHERS | st.lists(OTHERS, min_size=1, max_size=2).map(AllOf) | st.lists(OTHERS, min_size=1, max_size=2).map(AnyOf))
def test_a_constraint_that_is_subsumed_admits_nothing_more(wide: mail.Addresses, narrow: Any) -> None:
    if wide.subsumes(narrow):
        assert all(wide.check(value) for value in PEOPLE if narrow.check(value))
    assert parse(wide.to_json()) == wide


def test_the_constraint() -> None:
    some = mail.to("eve@evil.example", domains=["corp.example", "*.eu.corp.example"], most=2)
    assert [value for value in PEOPLE if some.check(value)] == [
        "ann@corp.example",
        "eve@evil.example",
        "ANN@corp.example",
        ("ann@corp.example",),
        ("ann@corp.example", "eve@evil.example"),
        (),
        "x@a.b.eu.corp.example",
    ]
    assert (
        some.subsumes(mail.to(domains="corp.example", most=1))
        and not some.subsumes(mail.to(domains="corp.example"))
        and not some.subsumes(Wildcard())
    )
    assert not some.subsumes(Subset(["ann@corp.example"]))
    assert some.explain(("a@x.example",)) == "'a@x.example' is not eve@evil.example, of *.eu.corp.example, of corp.example"
    assert "3 recipients are over the maximum 2" in some.explain(("a@corp.example",) * 3)
    for bad in (
        {},
        {"domains": []},
        {"domains": ["*"]},
        {"domains": ["*.*.example"]},
        {"domains": "corp.example"},
        {"addresses": ["corp.example"]},
        {"domains": ["x.example"], "max": 0},
        {"domains": ["x.example"], "max": True},
        {"domains": ["x.example"], "more": 1},
        {"domains": [".corp.example"]},
    ):
        with pytest.raises(ValueError, match="."):
            parse({"constraint_type": "addresses", **bad})


def test_the_risk_is_by_who_is_outside() -> None:
    inside = mail.kind_tool(["corp.example", "*.corp.example"]).arguments["to"]
    assert inside.assess(("ann@corp.example", "bob@eu.corp.example")).risk is Risk.MEDIUM
    assert inside.assess(("ann@corp.example", "x@corp.example.evil.example")).risk is Risk.HIGH
    assert mail.TO.assess(("ann@corp.example",)).risk is Risk.HIGH
    assert mail.ATTACHMENTS.assess(({"name": "a.txt.exe", "base64": ""},)).risk is Risk.HIGH
    assert mail.TEXT.assess("a\u202eb").risk is Risk.HIGH and mail.TEXT.assess("see https://docs.example.com/x").risk is Risk.LOW
    assert join([mail.SUBJECT.assess("x")]).effects == frozenset()


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: x@evil.example", "a\nb", "a\rb", "a\u2028b", "a\x0bb", "a\0b", "\u202ex", "x" * 501, None, 5, "a\x85b", "\ud800"]
)
def test_a_subject_is_one_line(value: object) -> None:
    with pytest.raises(ValueError, match="subject"):
        mail.SUBJECT.parse(value)


@pytest.mark.parametrize(
    "value",
    [
        "a.txt",
        [5],
        [{"name": "a.txt"}],
        [{"name": "../a.txt", "base64": ""}],
        [{"name": "a/b", "base64": ""}],
        [{"name": "a\r\nX: y", "base64": ""}],
        [{"name": 'a".txt', "base64": ""}],
        [{"name": "", "base64": ""}],
        [{"name": "..", "base64": ""}],
        [{"name": "a", "base64": "%%%"}],
        [{"name": "a", "base64": "aGk"}],
        [{"name": "a", "base64": "aG k="}],
        [{"name": "a", "base64": 5}],
        [{"name": "a", "base64": "", "path": "/etc/passwd"}],
        [{"name": "a", "base64": "A" * 8_000_000}],
        [{"name": "a", "base64": ""}] * 2,
        [{"name": "cod\u202egpj.exe", "base64": ""}],
        [{"name": "a", "base64": ""}] * 21,
        None,
        {},
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_attachments_that_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="...."):
        mail.ATTACHMENTS.parse(value)


async def _line(reader: asyncio.StreamReader) -> bytes:
    """A line, none when the client goes away."""
    try:
        return await reader.readline()
    except OSError:
        return b""


class Server:
    """A real SMTP server on loopback (RFC 5321: EHLO, MAIL, RCPT, DATA, RSET, QUIT), which keeps what it gets and refuses one address."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.loop = asyncio.new_event_loop()
        self.got: list[tuple[str, list[str], bytes]] = []
        self.port = 0
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,))
        self.thread.start()
        started.wait(10)

    def _run(self, started: threading.Event) -> None:
        async def serve() -> None:
            self.stop = asyncio.Event()
            server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self.context)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self.stop.wait()
            server.close()
            await server.wait_closed()

        self.loop.run_until_complete(serve())
        self.loop.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()
        writer.write(b"220 here\r\n")
        while line := (await _line(reader)).decode().rstrip("\r\n"):
            verb = line[:4].upper()
            if verb == "MAIL":
                sender, recipients = line[10:].partition(">")[0].strip("<"), []
            if verb == "RCPT" and "full@" in line:
                writer.write(b"550 no such box\r\n")
                continue
            if verb == "RCPT":
                recipients.append(line[8:].strip("<>"))
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.got.append((sender, recipients, data[:-5]))
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 fine\r\n")
            if verb == "QUIT":
                break
        await writer.drain()
        writer.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_what_a_server_receives(gate: Gate, server: Server) -> None:
    made = mail.tool(mail.Smtp("127.0.0.1", server.port, "none"), sender="Bot@corp.example", internal="corp.example")
    send = gate.wrap(made)
    grant = {
        "to": mail.to(domains="corp.example"),
        "cc": mail.to(domains="corp.example"),
        "bcc": mail.to(domains="corp.example"),
        "subject": ANY,
        "text": ANY,
        "attachments": ANY,
    }
    content = base64.b64encode(b"\x00\xffdata").decode()
    with gate.acting(gate.grant("bot", tools={"email.send": grant})):
        done = send(
            ["Ann@corp.example", "bob@corp.example"],
            "Gr\u00fc\u00dfe \u2705",
            "first\n.\nBcc: x@evil.example\n\u00fc\n",
            cc="cc@corp.example",
            bcc=["hidden@corp.example", "ann@corp.example"],
            attachments=[{"name": "d\u00e4ta.bin", "base64": content}],
        )
        for bad in (
            {"to": "x@evil.example"},
            {"subject": "a\r\nBcc: x@evil.example"},
            {"cc": ["ann@corp.example", "x@evil.example"]},
            {"sender": "ceo@corp.example"},
        ):
            with pytest.raises(Denied):
                send(**({"to": "ann@corp.example", "subject": "s", "text": "t"} | bad))
    assert done["recipients"] == 4 and done["id"].endswith("@corp.example>")
    ((sender, recipients, raw),) = server.got
    assert sender == "bot@corp.example" and recipients == ["ann@corp.example", "bob@corp.example", "cc@corp.example", "hidden@corp.example"]
    message = email.parser.BytesParser(policy=email.policy.default).parsebytes(raw)
    assert (message["From"], message["To"], message["Cc"], message["Bcc"]) == (
        "bot@corp.example",
        "ann@corp.example, bob@corp.example",
        "cc@corp.example",
        None,
    )
    assert message["Subject"] == "Gr\u00fc\u00dfe \u2705" and b"hidden" not in raw
    body, attached = message.get_body(), list(message.iter_attachments())
    assert body is not None and body.get_content().startswith("first") and "Bcc: x@evil.example" in body.get_content()
    assert attached[0].get_filename() == "d\u00e4ta.bin" and attached[0].get_content() == b"\x00\xffdata"


PIECES = st.sampled_from(
    [
        "\r",
        ".",
        "\n",
        "\r\n",
        "x",
        "\r\n.\r\n",
        "\n.\n",
        "\r.\r",
        "\n.\r\n",
        "MAIL FROM:<x@evil.example>",
        "\u00e9",
        " ",
        "\x85",
        "\u2028",
        "a" * 1200,
        "From ",
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_no_text_smuggles_a_second_message(text: str) -> None:
    """CVE-2023-51764 and its like: a line end that one server takes for one and another does not."""
    message = compose("bot@corp.example", ["ann@corp.example"], [], "s", text, [])
    raw = message.as_bytes()
    assert b"\r" not in raw.replace(b"\r\n", b"") and b"\n" not in raw.replace(b"\r\n", b"")


def test_a_recipient_that_the_server_refuses_is_no_success(server: Server) -> None:
    send = mail.tool(mail.Smtp("127.0.0.1", server.port, "none"), sender="bot@corp.example")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(["ann@corp.example", "full@corp.example"], "s", "t")


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For a server on this host: its own context, and that of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (folder / "c.pem").write_bytes(signed + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "c.pem")
    return server, ssl.create_default_context(cadata=signed.decode())


def test_a_server_must_be_who_its_name_says(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path)
    server = Server(theirs)
    try:
        words = {"port": server.port, "security": "tls", "timeout": 10.0}
        mail.tool(mail.Smtp("localhost", context=ours, **words), sender="bot@corp.example")(["ann@corp.example"], "s", "t")  # type: ignore[arg-type]  # as above
        assert len(server.got) == 1
        for host, context in (("localhost", None), ("127.0.0.1", ours)):
            with pytest.raises(ssl.SSLCertVerificationError):
                mail.tool(mail.Smtp(host, context=context, **words), sender="bot@corp.example")(["ann@corp.example"], "s", "t")  # type: ignore[arg-type]  # as above
        assert len(server.got) == 1
    finally:
        server.close()


def test_mail_goes_out_with_tls_only(server: Server) -> None:
    for words in (
        {"host": "mail.example.com", "security": "none"},
        {"host": "localhost", "security": "none", "user": "ann"},
        {"host": "h.example", "security": "ssl"},
    ):
        with pytest.raises(ValueError, match="TLS|security"):
            mail.Smtp(**words)  # type: ignore[arg-type]  # as somebody may write it
    assert "s3cret" not in repr(mail.Smtp("h.example", user="ann", password="s3cret"))
    with pytest.raises(smtplib.SMTPNotSupportedError):
        mail.tool(mail.Smtp("127.0.0.1", server.port), sender="bot@corp.example")(["ann@corp.example"], "s", "t")
    assert not server.got


def test_too_many_recipients_in_all() -> None:
    sent: list[object] = []
    send = mail.tool(lambda message, everyone: sent.append(everyone), sender="bot@corp.example", most=2)
    with pytest.raises(ValueError, match="3 recipients are more than 2"):
        send(["a@corp.example"], "s", "t", ["b@corp.example"], ["c@corp.example"])
    with pytest.raises(ValueError, match="at most 100"):
        mail.TO.parse([f"a{n}@corp.example" for n in range(101)])
    with pytest.raises(ValueError, match="no recipient"):
        mail.TO.parse([])
    with pytest.raises(ValueError, match="address"):
        mail.tool(print, sender="no address")
    assert not sent and mail.CC.parse([]) == []


def test_the_person_sees_who_is_outside(gate: Gate) -> None:
    send = gate.wrap(mail.tool(lambda message, everyone: None, sender="bot@corp.example", internal="corp.example"))
    with gate.acting(gate.grant("bot", tools={"email.send": ANY})), pytest.raises(NeedsApproval) as asked:
        send(
            ["ann@corp.example"],
            "Hi",
            "see https://evil.example/x\nline two",
            cc=["eve@evil.example", "b@corp.example"],
            attachments=[{"name": "a.txt", "base64": "aGk="}],
        )
    question = asked.value.question
    assert question is not None and question.headline == "bot wants to send an e-mail to ann@corp.example and 2 others"
    shown = {panel.title: panel.rows for panel in question.preview}
    assert ("cc", "eve@evil.example", "outside") in shown["recipients"] and ("to", "ann@corp.example", "inside") in shown["recipients"]
    assert shown["text"] == (("see https://evil.example/x",), ("line two",)) and shown["links to"] == (("evil.example",),)
    assert shown["attachments"] == (("a.txt", "3 bytes"),) and shown["message"] == (("subject", "Hi"),)
