"""The shape of a configuration: reading YAML, and types, ranges and names by the JSON schema.

Everything that is wrong becomes a ``StudyError`` of one line that names the key, says what is allowed and what came.
"""

import difflib
import functools
import math
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import ComposerError

from pinnscape.common.errors import StudyError

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"

Key = tuple[Any, ...]

# Far beyond any study; they bound the work on a file that is huge or made of nested or repeated YAML aliases.
_MOST_LEVELS = 20
_MOST_VALUES = 5_000
_MOST_MERGED = 200  # mappings, or keys, that one merge key copies
_MOST_BYTES = 250_000
_LONGEST_NUMBER = 100
_LARGEST_INTEGER = 2**63 - 1

# Of several errors the first in this order is shown: a misspelt key also makes a key missing, a wrong type is also no name.
_ORDER = ("additionalProperties", "type", "enum")
# Near enough to suggest a name: cpu is not what gpu means.
_LIKENESS = 0.7
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def error(source: str, key: Key | str, text: str) -> StudyError:
    """An error of one line about the value at ``key``."""
    where = key if isinstance(key, str) else dotted(key)
    return StudyError(" ".join(f"{source}: {where + ': ' if where else ''}{text}".split()))


def dotted(key: Key) -> str:
    """The key as one writes it: ``training.phases[0].steps``."""
    name = ""
    for part in key:
        if isinstance(part, int) and not isinstance(part, bool):
            name += f"[{part}]"
        else:
            plain = isinstance(part, str) and re.fullmatch(r"[\w-]{1,60}", part)
            name += ("." if name else "") + (str(part) if plain else shown(part))
    return name


def shown(value: Any) -> str:
    """A value as YAML has it, cut where it is long."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    return short.repr(value)


def suggestion(name: Any, known: Collection[str]) -> str:
    """``; did you mean ...?`` where a known name is close, else nothing."""
    close = difflib.get_close_matches(str(name), sorted(known), 1, _LIKENESS)
    return f"; did you mean {close[0]}?" if close else ""


# ---- reading ----


class _Loader(yaml.SafeLoader):
    """Refuses a key that comes twice, where YAML would silently take the last, and what would take for ever."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        if self.flow_level > _MOST_LEVELS:
            raise RecursionError  # which it would come to, later
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._nodes += 1
        if self._nodes > _MOST_VALUES:
            raise ComposerError(None, None, "too many values", self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge" or not isinstance(key_node, yaml.ScalarNode):
                continue
            key = self.construct_object(key_node)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {shown(key)} comes twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuses merge keys that copy what they merge again and again."""
        many = any(len(merged.value) > _MOST_MERGED for key, merged in node.value if key.tag == "tag:yaml.org,2002:merge")
        if not many:
            super().flatten_mapping(node)
        if many or len(node.value) > _MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, "merge keys give too many values", node.start_mark)


def read(path: str | Path) -> dict[str, Any]:
    """Read a configuration from a YAML file.

    Raises:
        StudyError: the file is missing, is not valid YAML, names a key twice or is no mapping.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise error(f"{path}", "", f"is no configuration: it is larger than {_MOST_BYTES // 1000} kB")
        config = yaml.load(text.decode(), Loader=_Loader)
    except OSError as exception:
        raise StudyError(f"{path}: cannot be read ({exception.strerror}); name an existing file that you may read") from None
    except yaml.MarkedYAMLError as exception:
        mark = exception.problem_mark or exception.context_mark
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise error(where, "", f"not valid YAML: {shorten(str(exception.problem or exception.context), 200)}") from None
    except (yaml.YAMLError, ValueError) as exception:
        raise error(f"{path}", "", f"not valid YAML: {shorten(str(exception), 200)}") from None
    except (LookupError, AttributeError, TypeError, ArithmeticError):  # how the YAML library fails at `!!int ""` and the like
        raise error(f"{path}", "", "not valid YAML: a value does not fit the tag (!!...) before it") from None
    except RecursionError:
        raise error(f"{path}", "", "is nested too deeply") from None
    if not isinstance(config, dict):
        raise error(f"{path}", "", f"must hold keys with values, such as `device: auto`; got {shown(config)}")
    return config


# ---- validation ----


def _is_integer(_: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: Any, value: Any) -> bool:
    return _is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))


@functools.cache
def _validator_class() -> Any:
    """A validator for which, unlike JSON schema's, 3.0 is no integer and NaN is no number, and which is quick with long lists."""
    # The slowest import by far, so only where something is validated.
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def unique(_validator: Any, _wanted: bool, value: Any, _node: Any) -> Iterator[ValidationError]:
        if isinstance(value, list) and _repeated(value):
            yield ValidationError("repeated")

    kinds = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    return extend(Draft202012Validator, {"uniqueItems": unique}, type_checker=kinds)


def _repeated(values: list[Any]) -> list[Any]:
    """The first entry that equals an earlier one, alone in a list; none where there is none."""
    seen: set[Any] = set()
    for value in values:
        key = (isinstance(value, bool), value) if isinstance(value, str | float | int) else repr(value)
        if key in seen:
            return [value]
        seen.add(key)
    return []


@functools.cache
def schema() -> dict[str, Any]:
    """The JSON schema of ``config.yaml``."""
    return yaml.load(SCHEMA.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def validate(config: Any, problem_names: Collection[str], source: str) -> None:
    """Check types, ranges and names.

    Args:
        config: what YAML gave.
        problem_names: the names in the catalogue of problems.
        source: the name of the file, for messages.

    Raises:
        StudyError: the configuration does not follow the schema.
    """
    _check_form(config, source)
    definitions = schema()["$defs"]
    names = {**definitions["problem_name"], "enum": sorted(problem_names)}
    root = {**schema(), "$defs": {**definitions, "problem_name": names}}
    errors = sorted(_validator_class()(root).iter_errors(config), key=_rank)
    if errors:
        key, text = _described(errors[0], root)
        raise error(source, key, text)


def _check_form(config: Any, source: str) -> None:
    """Refuse what YAML can hold and the validator cannot digest."""
    for count, (key, value) in enumerate(_walk(config)):
        if len(key) > _MOST_LEVELS or count > _MOST_VALUES:
            raise error(source, key[:3], "is nested too deeply or repeated too often")
        if _is_integer(None, value) and abs(value) > _LARGEST_INTEGER:
            raise error(source, key, "is too large a number")
        for name in value if isinstance(value, dict) else ():
            if not isinstance(name, str):
                text = f"keys must be text, and YAML reads this one as {shown(name)}: put it in quotes"
                raise error(source, (*key, shown(name)), text)


def _walk(value: Any, key: Key = ()) -> Iterator[tuple[Key, Any]]:
    yield key, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        yield from _walk(child, (*key, name))


def _rank(fault: "ValidationError") -> int:
    return _ORDER.index(str(fault.validator)) if fault.validator in _ORDER else len(_ORDER)


def _described(fault: "ValidationError", root: Mapping[str, Any]) -> tuple[Key, str]:
    """Key and text of an error of a validator of ``root``."""
    key: Key = tuple(fault.absolute_path)
    value: Any = fault.instance
    node: Any = fault.schema
    match fault.validator:
        case "additionalProperties":
            unknown = next(name for name in value if name not in node["properties"])
            return (*key, unknown), _unknown_key((*key, unknown), node["properties"])
        case "required":
            missing = next(name for name in node["required"] if name not in value)
            known = node["properties"]
            misspelt = difflib.get_close_matches(missing, [name for name in value if name not in known], 1, _LIKENESS)
            hint = f"; did you mean it by {misspelt[0]}?" if misspelt else ""
            return (*key, missing), f"is missing; must be {_allowed(known[missing], root)}{hint}"
        case "uniqueItems":
            return key, f"must not name anything twice; got {shown(_repeated(value)[0])} twice"
    if "propertyNames" in fault.absolute_schema_path:
        key = (*key, value)
    if fault.validator == "pattern":
        return key, f"must be {node['description']}; got {shown(value)}"
    hint = suggestion(value, node["enum"]) if "enum" in node and isinstance(value, str) else ""
    return key, f"must be {_allowed(node, root)}; got {shown(value)}{_text_for_number(value, node)}{hint}"


def _unknown_key(key: Key, known: Mapping[str, Any]) -> str:
    hint = suggestion(key[-1], known)
    here = tuple(0 if isinstance(part, int) else part for part in key)
    # Settings of techniques have names that occur everywhere.
    known_keys = (home for home in _keys(schema()) if home[0] != "techniques")
    homes = dict.fromkeys(dotted(home) for home in known_keys if home[-1] == key[-1] and home != here)
    if not hint and homes:
        hint = f"; did you mean {' or '.join(homes)}?"
    return f"unknown key{hint or ';'} known are {', '.join(sorted(known))}"


def _allowed(node: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """What a node of the schema ``root`` allows, in words."""
    node = _resolved(node, root)
    if "enum" in node:
        return f"one of {', '.join(node['enum'])}"
    if "pattern" in node:
        return node["description"]
    match node.get("type"):
        case "integer":
            return f"a whole number{_bounds(node)}"
        case "number":
            return f"a finite number{_bounds(node)}"
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "array":
            least = "at least 1 entry" if node.get("minItems") else "entries"
            count = f"1 to {node['maxItems']} entries" if "maxItems" in node else least
            return f"a list of {count}, each {_allowed(node['items'], root)}"
    names = ", ".join(sorted(node.get("properties", ())))
    more = " and what it takes" if "allOf" in node else ""
    return f"a section with keys among {names}{more}" if names else "a section of names with values"


def _bounds(node: Mapping[str, Any]) -> str:
    if "minimum" in node and "maximum" in node:
        return f" from {node['minimum']} to {node['maximum']}"
    bounds = " and ".join(f"{words} {node[bound]}" for bound, words in _BOUNDS.items() if bound in node)
    return f" {bounds}" if bounds else ""


def _text_for_number(value: Any, node: Mapping[str, Any]) -> str:
    """What to write where a number came as text, or an integer as a float."""
    kind = node.get("type")
    if kind == "integer" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f": write {value:.0f}"
    if kind not in ("integer", "number") or not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    exponent = re.fullmatch(r"([+-]?)(\d*)\.?(\d*)[eE]([+-]?)(\d+)", value)
    if kind == "integer" and number.is_integer() and abs(number) < 1e15:
        write = f"{number:.0f}"
    elif exponent:
        sign, whole, part, exponent_sign, digits = exponent.groups()
        write = f"{sign}{whole or 0}.{part or 0}e{exponent_sign or '+'}{digits}"
    else:
        write = value
    return f", which YAML reads as text: write {write}{' without quotes' if write == value else ''}"


# ---- completion ----


def complete(config: Any, node: Mapping[str, Any] | None = None) -> Any:
    """A copy of a valid configuration with defaults filled in, numbers as floats and keys in the order of the schema."""
    node = _resolved(schema() if node is None else node)
    if isinstance(config, list):
        return [complete(item, node["items"]) for item in config]
    if not isinstance(config, dict):
        return float(config) if node.get("type") == "number" else config
    for choice in node.get("allOf", ()):
        if _validator_class()(choice["if"]).is_valid(config):
            node = _resolved(choice["then"])
    known: Mapping[str, Any] = node.get("properties", {})
    full = {}
    for name, child in known.items():
        # A default is taken only where the key itself has one, not where it refers to another: overrides stay partial.
        if name in config or "default" in child:
            full[name] = complete(config.get(name, child.get("default")), child)
    rest = sorted(name for name in config if name not in known)
    return full | {name: complete(config[name], node["additionalProperties"]) for name in rest}


def _resolved(node: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    if "$ref" not in node:
        return node
    target: Any = root or schema()
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **{name: value for name, value in node.items() if name != "$ref"}}


def _keys(node: Mapping[str, Any], key: Key = ()) -> Iterator[Key]:
    """All keys of the schema below ``node``, entries of lists as ``[0]``."""
    node = _resolved(node)
    for name, child in node.get("properties", {}).items():
        yield (*key, name)
        yield from _keys(child, (*key, name))
    if "items" in node:
        yield from _keys(node["items"], (*key, 0))
    for choice in node.get("allOf", ()):
        yield from _keys(choice["then"], key)
