"""The values of a statement, apart from its text."""

from __future__ import annotations

from typing import Final

from capabilities._plain import NOTHING
from gate.constraints.value import is_array, is_object
from gate.effect import Assessment
from gate.frozen import freeze

_MOST: Final = 200
_LONGEST: Final = 1_000_000


class ParametersKind:
    """The values of a statement's parameters: a list, or an object of their names (`:name`, SQLite only)."""

    name = "sql.parameters"

    def parse(self, value: object) -> object:
        """Texts, numbers, flags and nulls; ValueError for anything else. Nothing given is an empty list."""
        given: object = [] if value is None else value
        items = list(given.values()) if is_object(given) else given
        if not is_array(items) or len(items) > _MOST:
            raise ValueError(f"parameters are a list or an object of at most {_MOST} values")
        for item in items:
            if not (item is None or isinstance(item, (bool, int, float, str))) or (isinstance(item, str) and (len(item) > _LONGEST or "\0" in item)):
                raise ValueError(f"a parameter is text of at most {_LONGEST} characters, a number, true, false or null")
        return freeze(given)

    def assess(self, value: object) -> Assessment:
        """Nothing: a value is never read as SQL."""
        return NOTHING
