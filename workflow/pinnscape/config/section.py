"""Base class and field types of the sections of the configuration.

A key is a field of a ``Section``, which defines its type, range, default and description. The description becomes the comment
in config.yaml, the help text in editors, and the entry in docs/configuration.md.
"""

import copy
import json
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

T = TypeVar("T")
S = TypeVar("S", bound="Section")


class Section(BaseModel):
    """A group of settings. Values are not converted: a boolean is not a number, and 3.0 is not an integer. NaN is rejected."""

    # `examples` holds the value of a key in the default study if it differs from the default, or if the key has no default.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, regex_engine="python-re", defer_build=True
    )

    @classmethod
    def of(cls, plain: Any) -> Self:
        """The section with the given plain values, such as those that ``plain`` returns and that rules pass to jobs."""
        return cls.model_validate(plain)

    def plain(self, given: bool = False) -> dict[str, Any]:
        """The settings as JSON values, sorted by key, without keys that are None; with ``given``, only explicitly set keys."""
        values = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=given)
        return json.loads(json.dumps(values, sort_keys=True))


def fault(text: str, key: str = "") -> PydanticCustomError:
    """An error about the value at ``key`` of the validated section, or about the validated value itself if ``key`` is empty."""
    return PydanticCustomError("fault", "{text}", {"text": text, "key": key})


def ordered(low: str, high: str) -> Any:
    """A validator that requires the value of ``low`` to be at most that of ``high`` in the same section."""

    def check(section: Section) -> Section:
        first, second = getattr(section, low), getattr(section, high)
        if first > second:
            raise fault(f"must be at most {high} ({second:g}); got {first:g}", low)
        return section

    return model_validator(mode="after")(check)


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise fault(f"must be odd, so that the centre is one of the points; got {value}")
    return value


def _entries(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("repeated", "repeated")
    return values


def _stated(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null_type", "null")
    return value


Entries = Annotated[tuple[T, ...], BeforeValidator(_entries)]  # a list
Distinct = Annotated[Entries[T], AfterValidator(_unique)]  # a list without repeated entries
Odd = Annotated[int, AfterValidator(_odd)]
Optional = Annotated[T | None, BeforeValidator(_stated)]  # may be left out (stored as None), but not set to null


def name_of(pattern: str, text: str) -> Any:
    """A field for names that match ``pattern``; ``text`` describes the pattern in error messages."""
    return Field(pattern=rf"^{pattern}$(?!\n)", description=text)


def defaults_of(section: type[Section]) -> Any:
    """A field whose default is the section with all its defaults."""
    return Field(default_factory=section)


def in_default_study(field: FieldInfo) -> Any:
    """The value of a key in the default study."""
    return field.examples[0] if field.examples else field.get_default(call_default_factory=True)


def partial(section: type[S]) -> type[S]:
    """A class decorator that makes every key of a section optional, for sections that override keys of another section."""
    fields: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        own, kind = copy.copy(field), field.annotation
        own.default, own.default_factory, own.examples = None, None, None
        fields[name] = (partial(kind) if isinstance(kind, type) and issubclass(kind, Section) else kind, own)
    return create_model(section.__name__, __base__=Section, __doc__=section.__doc__, **fields)  # pyright: ignore[reportReturnType]
