"""email: messages to the recipients a grant names, from a sender that the program fixes.

    email.send  to=["ann@corp.example"] subject="Release notes" text="…"

An address is one bare address in its one form (`_mail.address`); recipients are a list of at most 100, each once.  The constraint `addresses`
(`to`) says who may get mail.  What leaves for a domain that the program does not call its own is high risk: mail cannot be called back, and
reaches anyone.  The tool of `tool()` puts the message together with the standard library from checked parts, so a line break in a subject
cannot add a header, and sends it through an SMTP server with TLS, or through a function of the program.

>>> TO.parse("Ann@Corp.Example"), TO.parse(["ann@corp.example", "ANN@corp.example"])
(['ann@corp.example'], ['ann@corp.example'])
>>> to("ann@corp.example", domains="*.corp.example").check(("bob@eu.corp.example",))
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, TypeAlias

from capabilities._mail.constraint import Addresses
from capabilities._mail.kinds import AttachmentsKind, BodyKind, Recipients, SubjectKind, listed, preview
from capabilities._mail.send import Send, Smtp, compose
from gate.constraint import ANY, AnyOf, Entry, Exact, optional
from gate.frozen import Frozen
from gate.kind import KindTool, ready
from gate.preview import Panel

TO: Final = Recipients("to")
CC: Final = Recipients("cc", least=0)
BCC: Final = Recipients("bcc", least=0)
SUBJECT: Final = SubjectKind()
TEXT: Final = BodyKind()
ATTACHMENTS: Final = AttachmentsKind()
To: TypeAlias = Annotated[list[str], TO]
_OPTIONAL: Final = frozenset(["cc", "bcc", "attachments"])


def to(*addresses: str, domains: str | Iterable[str] = (), most: int | None = None) -> Addresses:
    """Admits recipients with these addresses, or of these domains: `to("ann@x.example", domains=["corp.example", "*.corp.example"])`."""
    return Addresses(list(addresses), [domains] if isinstance(domains, str) else list(domains), most)


def message(*addresses: str, domains: str | Iterable[str] = (), most: int | None = None) -> dict[str, Entry]:
    """The entries of a grant for `email.send`: `to`, `cc` and `bcc` to these people only, subject and text as they come, no attachments."""
    some = to(*addresses, domains=domains, most=most)
    copies = optional(AnyOf([some, Exact(None)]))  # left out, it is nobody
    return {"to": Entry(some), "cc": copies, "bcc": copies, "subject": Entry(ANY), "text": Entry(ANY)}


def headline(arguments: Mapping[str, Frozen]) -> str:
    """As in: send an e-mail to ann@corp.example and 3 others."""
    everyone = [one for name in ("to", "cc", "bcc") for one in listed(arguments.get(name))]
    others = len(everyone) - 1
    rest = f" and {others} other{'s' if others > 1 else ''}" if others > 0 else ""
    return f"send an e-mail to {everyone[0] if everyone else 'nobody'}{rest}"


def kind_tool(internal: str | Iterable[str] = ()) -> KindTool:
    """The tool `email.send` where mail to these domains (`corp.example`, `*.corp.example`) stays inside: it is then of medium risk."""
    own = (internal,) if isinstance(internal, str) else tuple(internal)
    kinds = {name: Recipients(name, own, least=name == "to") for name in ("to", "cc", "bcc")}

    def shown(arguments: Mapping[str, Frozen]) -> list[Panel]:
        return preview(arguments, kinds["to"].internal)

    return KindTool(
        "email.send",
        {**kinds, "subject": SUBJECT, "text": TEXT, "attachments": ATTACHMENTS},
        _OPTIONAL,
        headline=headline,
        preview=shown,
    )


def tool(send: Send | Smtp, *, sender: str = "", internal: str | Iterable[str] = (), most: int = 100) -> Callable[..., dict[str, object]]:
    """A function `send(to, subject, text, cc, bcc, attachments)`; `most` recipients in all. For `gate.tool`.

    send: an `Smtp`, or a function that takes the finished message and the list of all recipients.  sender: the address it comes from.
    ValueError for a sender that is no address.
    """
    deliver = send.send if isinstance(send, Smtp) else send
    compose(sender, ["x@example.com"], [], "", "", [])  # says at once what is wrong with the sender

    def send_mail(
        to: list[str],
        subject: str,
        text: str,
        cc: list[str] = [],  # noqa: B006  # never changed
        bcc: list[str] = [],  # noqa: B006  # as above
        attachments: list[dict[str, str]] = [],  # noqa: B006  # as above
    ) -> dict[str, object]:
        """Sends one message: its id, and to how many recipients."""
        everyone = list(dict.fromkeys([*to, *cc, *bcc]))
        if len(everyone) > most:
            raise ValueError(f"{len(everyone)} recipients are more than {most}")
        message = compose(sender, to, cc, subject, text, attachments)
        deliver(message, everyone)
        return {"id": message["Message-ID"], "recipients": len(everyone)}

    return ready(kind_tool(internal), send_mail)


TOOLS: Final[dict[str, KindTool]] = {"email.send": kind_tool()}
__all__ = [
    "ATTACHMENTS",
    "BCC",
    "CC",
    "SUBJECT",
    "TEXT",
    "TO",
    "TOOLS",
    "Addresses",
    "Recipients",
    "Smtp",
    "To",
    "kind_tool",
    "message",
    "to",
    "tool",
]
