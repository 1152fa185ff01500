"""The JSON schema of a section, and one-line error messages with the key, the allowed values and the given value."""

import difflib
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from pinnscape.common.errors import StudyError
from pinnscape.config.section import Section

Key = tuple[Any, ...]
Node = Mapping[str, Any]

_LONGEST_NUMBER = 100
# Similarity above which a name is suggested; chosen so that cpu is not suggested for gpu.
_LIKENESS = 0.7
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def error(source: str, key: Key | str, text: str) -> StudyError:
    """A one-line error about the value at ``key``."""
    where = key if isinstance(key, str) else dotted(key)
    return StudyError(" ".join(f"{source}: {where + ': ' if where else ''}{text}".split()))


def dotted(key: Key) -> str:
    """The key in dotted notation, such as ``training.phases[0].steps``."""
    name = ""
    for part in key:
        if isinstance(part, int) and not isinstance(part, bool):
            name += f"[{part}]"
        else:
            plain = isinstance(part, str) and re.fullmatch(r"[\w-]{1,60}", part)
            name += ("." if name else "") + (str(part) if plain else shown(part))
    return name


def shown(value: Any) -> str:
    """A value in YAML notation, abbreviated if it is long."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    return short.repr(list(value) if isinstance(value, tuple) else value)


def suggestion(name: Any, known: Collection[str]) -> str:
    """``; did you mean ...?`` with the most similar known name, or an empty string if none is similar."""
    close = difflib.get_close_matches(str(name), sorted(known), 1, _LIKENESS)
    return f"; did you mean {close[0]}?" if close else ""


# ---- the schema ----


@cache
def schema(section: type[Section]) -> dict[str, Any]:
    """The JSON schema of a section, without the titles that pydantic adds and without null, which denotes omitted keys."""
    return _tidy(section.model_json_schema())


def _tidy(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if {"type": "null"} in node.get("anyOf", ()):
        node = {**node, **node["anyOf"][0]}
        del node["anyOf"]
    dropped = {"title"} if isinstance(node.get("title"), str) else set()
    dropped |= {"default"} if node.get("default", 0) is None or "$ref" in node else set()
    return {name: _tidy(child) for name, child in node.items() if name not in dropped}


def keys(node: Node, root: Node, key: Key = ()) -> Iterator[tuple[Key, Node]]:
    """All keys below a node of the schema ``root``, with their nodes; an entry of a list has the index 0."""
    node = resolved(node, root)
    for name, child in node.get("properties", {}).items():
        yield (*key, name), resolved(child, root)
        yield from keys(child, root, (*key, name))
    for choice in node.get("oneOf", ()):
        yield from keys(choice, root, key)
    if "items" in node:
        yield from keys(node["items"], root, (*key, 0))


def resolved(node: Node, root: Node) -> Node:
    """The node, or the node that it refers to if it is a reference."""
    if "$ref" not in node:
        return node
    target = resolved(root["$defs"][node["$ref"].removeprefix("#/$defs/")], root)
    return {**target, **{name: value for name, value in node.items() if name != "$ref"}}


# ---- error messages ----


def described(fault: Mapping[str, Any], root: Node) -> tuple[Key, str]:
    """Key and message of an error that pydantic reports.

    Args:
        fault: an entry of ``ValidationError.errors()``.
        root: schema of the section.
    """
    kind, value = fault["type"], fault["input"]
    unknown = kind == "extra_forbidden"
    key, node = _place(fault["loc"][:-1] if unknown else fault["loc"], root)
    match kind:
        case "extra_forbidden":
            key = (*key, fault["loc"][-1])
            return key, _unknown_key(key, node.get("properties", ()), root)
        case "missing":
            return key, _missing(key[-1], node, _place(fault["loc"][:-1], root)[1], value, root)
        case "union_tag_not_found":
            tag = node["discriminator"]["propertyName"]
            return (*key, tag), _missing(tag, _tag(node), {"properties": [tag]}, value, root)
        case "union_tag_invalid":
            tag = node["discriminator"]["propertyName"]
            key, node, value = (*key, tag), _tag(node), value[tag]
        case "string_pattern_mismatch":
            return key, f"must be {node['description']}; got {shown(value)}"
        case "repeated":
            return key, f"must not contain an entry twice; got {shown(_repeated(value))} twice"
        case "fault":
            context = fault["ctx"]
            return (*key, *(context["key"].split(".") if context["key"] else ())), context["text"]
    hint = suggestion(value, node["enum"]) if "enum" in node and isinstance(value, str) else ""
    return key, f"must be {allowed(node, root)}; got {shown(value)}{_text_for_number(value, node)}{hint}"


def rank(fault: Mapping[str, Any]) -> int:
    """Rank of an error; of several errors, only one with the lowest rank is shown.

    One mistake can cause several errors: a misspelt key is also a missing key, and a value of the wrong type is also not a
    valid name.
    """
    kind = fault["type"]
    if kind.endswith("_type") or kind == "finite_number":
        return 1
    order = {"extra_forbidden": 0, "literal_error": 2, "union_tag_invalid": 2, "fault": 4}
    return order.get(kind, 3)


def _place(location: Key, root: Node) -> tuple[Key, Node]:
    """Key and node of a pydantic location, which may also contain choices of unions and a mark for errors about a key."""
    key: list[Any] = []
    above = node = resolved(root, root)
    for part in location:
        if part == "[key]" and "propertyNames" in above:
            node = above["propertyNames"]
        elif part in node.get("discriminator", {}).get("mapping", ()):
            node = {"$ref": node["discriminator"]["mapping"][part]}
        elif "anyOf" not in node:  # in a location, a choice of a union follows the key
            key.append(part)
            above = node
            node = (
                node["items"] if isinstance(part, int) else node.get("properties", {}).get(part) or node["additionalProperties"]
            )
        node = resolved(node, root)
    return tuple(key), node


def _tag(node: Node) -> Node:
    """A node that allows the values of the discriminator of a union."""
    return {"enum": list(node["discriminator"]["mapping"])}


def _missing(name: str, node: Node, section: Node, value: Any, root: Node) -> str:
    known = section["properties"]
    misspelt = difflib.get_close_matches(name, [other for other in value if other not in known], 1, _LIKENESS)
    hint = f"; did you misspell it as {misspelt[0]}?" if misspelt else ""
    return f"is missing; must be {allowed(node, root)}{hint}"


def _unknown_key(key: Key, known: Collection[str], root: Node) -> str:
    here = tuple(0 if isinstance(part, int) else part for part in key)
    # Settings of techniques are not suggested, because many of their names occur in several sections.
    elsewhere = (home for home, _ in keys(root, root) if home[0] != "techniques")
    homes = dict.fromkeys(dotted(home) for home in elsewhere if home[-1] == key[-1] and home != here)
    hint = f"; did you mean {' or '.join(homes)}?" if homes else suggestion(key[-1], known)
    return f"unknown key{hint or ';'} known keys are {', '.join(sorted(known))}"


def _repeated(values: Collection[Any]) -> Any:
    """The first entry that repeats an earlier one."""
    seen: set[Any] = set()
    return next(value for value in values if value in seen or seen.add(value))


def allowed(node: Node, root: Node) -> str:
    """A description of the values that a node of the schema ``root`` allows."""
    node = resolved(node, root)
    if "enum" in node:
        return f"one of {', '.join(node['enum'])}"
    if "pattern" in node:
        return node["description"]
    match node.get("type"):
        case "integer":
            return f"a whole number{bounds(node)}"
        case "number":
            return f"a finite number{bounds(node)}"
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "array":
            least = "at least 1 entry" if node.get("minItems") else "entries"
            count = f"1 to {node['maxItems']} entries" if "maxItems" in node else least
            return f"a list of {count}, each {allowed(node['items'], root)}"
    if "anyOf" in node:
        *first, last = (allowed(choice, root) for choice in node["anyOf"])
        return f"{', '.join(first)}, or {last}"
    if "discriminator" in node:
        return f"a section with the key {node['discriminator']['propertyName']} and keys that depend on its value"
    names = ", ".join(sorted(node.get("properties", ())))
    return f"a section with keys among {names}" if names else "a mapping from names to values"


def bounds(node: Node) -> str:
    """The range of a number in words, preceded by a space; an empty string if the number is unbounded."""
    if "minimum" in node and "maximum" in node:
        return f" from {node['minimum']} to {node['maximum']}"
    text = " and ".join(f"{words} {node[bound]}" for bound, words in _BOUNDS.items() if bound in node)
    return f" {text}" if text else ""


def _text_for_number(value: Any, node: Mapping[str, Any]) -> str:
    """A hint how to write a number that was given as text, or an integer that was given as a float."""
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
