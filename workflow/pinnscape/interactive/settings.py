"""Settings that are arguments of calls."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from pinnscape.config.schema import described, dotted, rank, schema
from pinnscape.config.section import Section

S = TypeVar("S", bound=Section)


def settings_of(section: type[S], given: Mapping[str, Any]) -> S:
    """A section with the given settings.

    Raises:
        ValueError: a setting is unknown or out of range; one line.
    """
    try:
        return section.of(dict(given))
    except ValidationError as failure:
        first = min(failure.errors(include_url=False), key=rank)
        place, text = described(first, schema(section))
        raise ValueError(f"`{dotted(place)}` {text}") from None
