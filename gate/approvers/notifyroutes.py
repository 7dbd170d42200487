"""Notify routes: where signed answers come in, for the inbox to mount while it tells people of questions. Needs the extra `capgate[inbox]`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gate.approvers.notify import Notifier
from gate.approvers.slackanswer import SlackAnswers
from gate.approvers.webhookanswer import WebhookAnswers

if TYPE_CHECKING:
    from starlette.routing import Route

    from gate.approvers.notifytold import ToldFile
    from gate.desk import Desk
    from gate.home import Home
    from gate.people import People


def routes(desk: Desk, people: Callable[[], People], told: ToldFile | None = None) -> list[Route]:
    """`POST /slack/answer` and `POST /webhook/answer`. told: the notifier's, so that an answer's record holds what was shown.

    Both ask for a signature of their own, and neither for a cookie or the seal of a form; what signs nothing here is refused by them.
    """
    return [SlackAnswers(desk, people, told).route(), WebhookAnswers(desk, people, told).route()]


@contextmanager
def notified(home: Home) -> Generator[list[Route]]:
    """Those routes of a gate, while people are told of its questions."""
    notifier = Notifier(home.desk, home.people)
    notifier.start()
    try:
        yield routes(home.desk, home.people, notifier.told)
    finally:
        notifier.close()
