"""Reading a configuration from a YAML file of bounded size; every error in the file becomes a one-line ``StudyError``."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml
from yaml.composer import ComposerError

from pinnscape.common.errors import StudyError
from pinnscape.config.schema import Key, error, shown

# These limits are far beyond any study. They bound the work for files that are huge or contain nested or repeated YAML aliases.
_MOST_LEVELS = 20
_MOST_VALUES = 5_000
_MOST_MERGED = 200  # number of mappings, or of keys, that one merge key may copy
_MOST_BYTES = 250_000
_LARGEST_INTEGER = 2**63 - 1


class _Loader(yaml.SafeLoader):
    """A safe loader that also rejects duplicate keys, of which PyYAML would use the last, and files that take too long."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        if self.flow_level > _MOST_LEVELS:
            raise RecursionError  # PyYAML would raise it later, after much work
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
                raise yaml.constructor.ConstructorError(None, None, f"the key {shown(key)} occurs twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Expand merge keys, and reject those that would copy too many values."""
        many = any(len(merged.value) > _MOST_MERGED for key, merged in node.value if key.tag == "tag:yaml.org,2002:merge")
        if not many:
            super().flatten_mapping(node)
        if many or len(node.value) > _MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, "merge keys give too many values", node.start_mark)


def read(path: str | Path) -> dict[str, Any]:
    """Read a configuration from a YAML file.

    Raises:
        StudyError: the file is missing, is not valid YAML, contains a key twice or is not a mapping.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise error(f"{path}", "", f"is not a configuration: it is larger than {_MOST_BYTES // 1000} kB")
        config = yaml.load(text.decode(), Loader=_Loader)
    except OSError as exception:
        raise StudyError(
            f"{path}: cannot be read ({exception.strerror}); give the path of an existing, readable file"
        ) from None
    except yaml.MarkedYAMLError as exception:
        mark = exception.problem_mark or exception.context_mark
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise error(where, "", f"not valid YAML: {shorten(str(exception.problem or exception.context), 200)}") from None
    except (yaml.YAMLError, ValueError) as exception:
        raise error(f"{path}", "", f"not valid YAML: {shorten(str(exception), 200)}") from None
    except (LookupError, AttributeError, TypeError, ArithmeticError):  # raised by PyYAML for values such as `!!int ""`
        raise error(f"{path}", "", "not valid YAML: a value does not fit the tag (!!...) before it") from None
    except RecursionError:
        raise error(f"{path}", "", "is nested too deeply") from None
    if not isinstance(config, dict):
        raise error(f"{path}", "", f"must contain keys with values, such as `device: auto`; got {shown(config)}")
    return config


def check_form(config: Any, source: str) -> None:
    """Reject structures that are valid YAML but that the validator cannot process.

    Raises:
        StudyError: values are nested too deeply or too many, an integer is too large, or a key is not text.
    """
    for count, (key, value) in enumerate(_walk(config)):
        if len(key) > _MOST_LEVELS or count > _MOST_VALUES:
            raise error(source, key[:3], "is nested too deeply or repeated too often")
        if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
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
