"""Answers to LangGraph's interrupts: which of the values that LangGraph hands out is about which question.

LangGraph hands the values of earlier interrupts out again when it repeats a node, in order, and to whichever call of the node asks first.  So a yes
counts only for the question that it answers: the one it names, or the one that this process put out at this place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from gate.agents.around import asked
from gate.agents.framework import framework
from gate.constraints.value import is_object

if TYPE_CHECKING:
    from gate.agents._langgraph_said import Called
    from gate.ask import Question

_types: Final = framework("langgraph.types", extra="langchain")
_errors: Final = framework("langgraph.errors", extra="langchain")

MOST: Final = 256
_put: Final[OrderedDict[tuple[str, ...], dict[int, str]]] = OrderedDict()
"""By place, the question of each interrupt there, in order."""
_heard: Final[OrderedDict[tuple[str, ...], dict[object, object]]] = OrderedDict()
"""By run of a node, what was said in it that names its question: any call of the node may be the one that is handed it."""
_turn: Final = Lock()


class Answers:
    """What came back to one call, which may be asked about more than once."""

    def __init__(self, called: Called) -> None:
        self._called = called
        self._used: object = None
        self._pauses = 0

    def to(self, question: Question) -> Mapping[str, object]:
        """What was said to the question, as `Around.answered` takes it; stops the graph, by the framework's own exception, until then."""
        place = self._called.place
        with _turn:
            heard = bounded(_heard, place[:2])
            fresh = question.id in heard and heard[question.id] is not self._used
            said = heard[question.id] if fresh else self._interrupted(place, question)
            if is_object(said) and "question" in said:
                heard[said["question"]] = said
            self._used = said
        words = _bound(said, question, _put.get(place, {}).get(self._pauses))
        self._pauses += not fresh
        return words

    def _interrupted(self, place: tuple[str, ...], question: Question) -> object:
        try:
            return _types.interrupt(asked(question))
        except _errors.GraphInterrupt:
            if self._called.alone:
                bounded(_put, place)[self._pauses] = question.id
            raise


def bounded(kept: OrderedDict[tuple[str, ...], dict[Any, Any]], key: tuple[str, ...]) -> dict[Any, Any]:
    """What is kept under the key; the oldest is forgotten when there are too many."""
    found = kept.setdefault(key, {})
    if len(kept) > MOST:
        kept.popitem(last=False)
    return found


def _bound(said: object, question: Question, put: str | None) -> Mapping[str, object]:
    """What was said, without a yes to another question than this."""
    words: Mapping[str, object] = said if is_object(said) else {"approve": said}
    if words.get("approve") is False or words.get("question", put) == question.id:
        return words
    return {name: value for name, value in words.items() if name == "approvals"}
