"""Reading a configuration from a YAML file, with bounds on what may be in it: everything wrong becomes a ``StudyError`` of one line."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml
from yaml.composer import ComposerError

from pinnscape.common.errors import StudyError
from pinnscape.config.schema import Key, error, shown

# Far beyond any study; they bound the work on a file that is huge or made of nested or repeated YAML aliases.
_MOST_LEVELS = 20
_MOST_VALUES = 5_000
_MOST_MERGED = 200  # mappings, or keys, that one merge key copies
_MOST_BYTES = 250_000
_LARGEST_INTEGER = 2**63 - 1


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


def check_form(config: Any, source: str) -> None:
    """Refuse what YAML can hold and no validator can digest.

    Raises:
        StudyError: values are nested too deeply or too many, an integer is too large, or a key is no text.
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
