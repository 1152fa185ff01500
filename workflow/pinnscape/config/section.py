"""What a section of the configuration is made of: keys with a type, a range, a default and a description, each stated once.

A key is a field of a ``Section``. Its description is the comment in config.yaml, the text that editors show, and the entry in docs/configuration.md.
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
    """Settings that belong together. Values are strict: a truth value is no number, 3.0 is no whole number, NaN is no number."""

    # `examples` holds the value of a key in the default study where that differs from the default, or where there is no default.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, regex_engine="python-re", defer_build=True
    )

    @classmethod
    def of(cls, plain: Any) -> Self:
        """The section of plain values, as ``plain`` gives them and as rules hand them to jobs."""
        return cls.model_validate(plain)

    def plain(self, given: bool = False) -> dict[str, Any]:
        """The settings as JSON values, sorted by key. Keys without a value are left out; with ``given``, so are those that keep their default."""
        found = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=given)
        return json.loads(json.dumps(found, sort_keys=True))


def fault(text: str, key: str = "") -> PydanticCustomError:
    """An error about the value at ``key`` of the section that is checked, or about the checked value itself."""
    return PydanticCustomError("fault", "{text}", {"text": text, "key": key})


def ordered(low: str, high: str) -> Any:
    """A check of a section: its key ``low`` is at most its key ``high``."""

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
Distinct = Annotated[Entries[T], AfterValidator(_unique)]  # a list that names nothing twice
Odd = Annotated[int, AfterValidator(_odd)]
Optional = Annotated[T | None, BeforeValidator(_stated)]  # a key that may be left out; None stands for that


def name_of(pattern: str, text: str) -> Any:
    """A name that matches a pattern, which ``text`` puts into words."""
    return Field(pattern=rf"^{pattern}$(?!\n)", description=text)


def defaults_of(section: type[Section]) -> Any:
    """The default of a key that is a section: all its defaults."""
    return Field(default_factory=section)


def in_default_study(field: FieldInfo) -> Any:
    """The value of a key in the default study."""
    return field.examples[0] if field.examples else field.get_default(call_default_factory=True)


def partial(section: type[S]) -> type[S]:
    """A decorator: the same keys, of which each may be left out, for a section whose keys override those of another one."""
    fields: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        own, kind = copy.copy(field), field.annotation
        own.default, own.default_factory, own.examples = None, None, None
        fields[name] = (partial(kind) if isinstance(kind, type) and issubclass(kind, Section) else kind, own)
    return create_model(section.__name__, __base__=Section, __doc__=section.__doc__, **fields)  # pyright: ignore[reportReturnType]
