"""A message put together from checked parts, and sent through an SMTP server with TLS."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from capabilities._mail.address import address, domain_of

if TYPE_CHECKING:  # imported where mail is sent, because checking calls needs none of it
    import smtplib
    import ssl
    from email.message import EmailMessage

Send: TypeAlias = "Callable[[EmailMessage, list[str]], object]"


@dataclass(frozen=True)
class Smtp:
    """A server that mail is handed to.

    security: "starttls" (port 587), "tls" from the first byte (port 465), or "none", which only a server on this host may have.  password: the
    text itself, or a function that gives it when it is needed.  context: which certificates are trusted, the system's by default.
    """

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str | Callable[[], str] = field(default="", repr=False)
    timeout: float = 30.0
    context: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise ValueError("'security' is starttls, tls or none")
        if self.security == "none" and (self.host not in ("localhost", "127.0.0.1", "::1") or self.user):
            raise ValueError("mail goes out with TLS; only a server on this host that asks for no password may do without")

    def send(self, message: EmailMessage, recipients: list[str]) -> None:
        """Hands it over; an exception of smtplib when the server takes it for fewer than all recipients."""
        import smtplib
        import ssl

        context = self.context or ssl.create_default_context()
        with self._connected(context) as server:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password() if callable(self.password) else self.password)
            if refused := server.send_message(message, from_addr=message["From"], to_addrs=recipients):
                raise smtplib.SMTPRecipientsRefused(refused)

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        import smtplib

        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout)


def compose(sender: str, to: Iterable[str], cc: Iterable[str], subject: str, text: str, attachments: Iterable[Mapping[str, str]]) -> EmailMessage:
    """The message. Whoever is in `bcc` is not in it. ValueError for a part that is none."""
    from datetime import UTC, datetime
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime, make_msgid
    from mimetypes import guess_type

    message = EmailMessage(policy=SMTP)
    origin = address(sender)
    message["From"] = origin
    message["To"] = ", ".join(address(one) for one in to)
    if copies := [address(one) for one in cc]:
        message["Cc"] = ", ".join(copies)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=domain_of(origin))
    message.set_content(text)
    for one in attachments:
        main, _, sub = (guess_type(one["name"])[0] or "application/octet-stream").partition("/")
        data = base64.b64decode(one["base64"], validate=True)
        if main in ("multipart", "message"):
            main, sub = "application", "octet-stream"
        message.add_attachment(data, maintype=main, subtype=sub, filename=one["name"])
    return message
