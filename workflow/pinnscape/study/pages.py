"""The texts generated from the definitions of the settings: config.yaml, its JSON schema, and docs/configuration.md.

`make config` writes them.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo

from pinnscape.config.schema import allowed, schema
from pinnscape.config.section import Section, in_default_study
from pinnscape.config.sections import Phase
from pinnscape.models.registry import MODELS
from pinnscape.problems.registry import about
from pinnscape.study.configuration import Configuration
from pinnscape.techniques.catalog import TECHNIQUES

SCHEMA = "workflow/schemas/config.schema.json"
_WIDTH = 220  # maximum length of a line of the schema
_PHASES = get_args(get_args(Phase)[0])
_STUDY = f"""\
# yaml-language-server: $schema={SCHEMA}
# pinnscape: the default study.
#
# Change a value and run `make` (or `snakemake -c2`): only the stages that depend on it run again. Every key is checked before a
# job starts. In YAML, a number with an exponent must have a dot and a sign: write 1.0e-3 and 1.0e+3, not 1e-3.
# `make config` overwrites this file with the values of the default study.
"""
_REFERENCE = f"""\
# Configuration

[Documentation](index.md)

This page lists every key of `config.yaml`. `make config` generates it from the definitions in `workflow/pinnscape`: the
settings of a technique are defined in its module in `techniques/`, all others in `config/` and `study/configuration.py`. `make
config` also overwrites `config.yaml` with the values of the default study, and writes `{SCHEMA}`, which editors use for
checking and completion. [Changing and rerunning](changing-and-rerunning.md) describes which stages run again after a change.

A key marked *required* has no default. If the value in the default study differs from the default, it is given in parentheses.

"""


def files() -> dict[str, str]:
    """The generated texts by path in the project."""
    return {"config.yaml": default_study(), SCHEMA: json_schema(), "docs/configuration.md": reference()}


# ---- config.yaml ----


def default_study() -> str:
    """The text of config.yaml for the default study, with the description of each key as a comment."""
    blocks = []
    for name, field in Configuration.model_fields.items():
        blocks.append("\n".join(_key(name, field, "")))
    return _STUDY + "\n" + "\n\n".join(blocks) + "\n"


def _about(name: str, case: Mapping[str, Any]) -> str:
    """A description of a case of the default study: of its problem, or of its module."""
    return MODELS[case["module"]] if "module" in case else about(case.get("problem", name))


def _key(name: str, field: FieldInfo, margin: str) -> Iterator[str]:
    """The lines of one key."""
    value, comment = in_default_study(field), _comment(field)
    if _is_section(field):
        yield f"{margin}{name}:{comment}"
        yield from _keys(field.annotation, f"{margin}  ")
    elif isinstance(value, Mapping) and value:
        yield f"{margin}{name}:{comment}"
        for key, entry in value.items():
            note = f" # {_about(key, entry)}" if name == "cases" else ""
            yield f"{margin}  {key}: {flow(entry)}{note}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield f"{margin}{name}:{comment}"
        for entry in value:
            yield from _phase(entry, f"{margin}  ")
    elif value is None:
        yield f"{margin}# {name}:{comment}"
    else:
        yield f"{margin}{name}: {flow(value)}{comment}"


def _keys(section: Any, margin: str) -> Iterator[str]:
    fields = section.model_fields
    costly = [name for name in fields if name in TECHNIQUES and TECHNIQUES[name].costly]
    for name, field in fields.items():
        if costly and name == costly[0]:
            yield f"{margin}# The following techniques belong to the extended study only (`extended: true`)."
        yield from _key(field.alias or name, field, margin)


def _phase(entry: Mapping[str, Any], margin: str) -> Iterator[str]:
    """The lines of a phase of training, including keys that keep their defaults."""
    kind = next(kind for kind in _PHASES if _optimizer(kind) == entry["optimizer"])
    phase = kind.of(entry)
    yield f"{margin}- optimizer: {phase.optimizer} # {_as_comment(kind.__doc__)}"
    for name, field in kind.model_fields.items():
        if name != "optimizer":
            yield f"{margin}  {name}: {flow(getattr(phase, name))}{_comment(field)}"


def _is_section(field: FieldInfo) -> bool:
    """Whether a key is a section by itself, as opposed to one that overrides keys of another section."""
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section) and not field.description


def _comment(field: FieldInfo) -> str:
    text = field.description or _as_comment(getattr(field.annotation, "__doc__", ""))
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    if any(choice not in text for choice in choices):
        text += f": {' | '.join(choices)}"
    return f" # {text}"


def _as_comment(sentence: str | None) -> str:
    text = " ".join((sentence or "").split()).removesuffix(".")
    return text[:1].lower() + text[1:]


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Section):
        value = {name: getattr(value, name) for name in type(value).model_fields if name in value.model_fields_set}
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """A number in YAML 1.1 notation; very large or small numbers and powers of ten outside 0.01 to 100 have an exponent."""
    mantissa, exponent = f"{value:e}".split("e")
    power = int(exponent)
    digits = mantissa.rstrip("0")
    if abs(power) < 3 or (digits != "1." and -4 < power < 6):
        return repr(value)
    return f"{digits}{'0' if digits.endswith('.') else ''}e{power:+d}"


# ---- the schema ----


def json_schema() -> str:
    """The text of the JSON schema of the configuration, with each short node on one line."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pinnscape study"}
    return "\n".join(_lines({**head, **schema(Configuration)}, "")) + "\n"


def _lines(node: Any, margin: str) -> list[str]:
    flat = json.dumps(node, ensure_ascii=False)
    if len(margin) + len(flat) <= _WIDTH or not isinstance(node, dict):
        return [flat]
    lines = ["{"]
    for position, (name, child) in enumerate(node.items()):
        first, *rest = _lines(child, f"{margin}  ")
        lines += [f"{margin}  {json.dumps(name)}: {first}", *rest]
        lines[-1] += "," if position < len(node) - 1 else ""
    return [*lines, f"{margin}}}"]


# ---- the reference ----


def reference() -> str:
    """The text of docs/configuration.md, which lists all keys."""
    fields, sections = Configuration.model_fields, []
    for name, field in fields.items():
        if _is_section(field) and name != "techniques":
            sections.append((name, field.annotation))
        if name == "training":
            sections += [(f"training.phases: {_optimizer(kind)}", kind) for kind in _PHASES]
    techniques: Any = fields["techniques"].annotation
    sections.append(("techniques", techniques))
    for name in TECHNIQUES:
        mark = " †" if TECHNIQUES[name].costly else ""
        sections.append((f"techniques.{name}{mark}", techniques.model_fields[name].annotation))
    own = _table(Configuration, [name for name, field in fields.items() if not _is_section(field)])
    return (
        _REFERENCE
        + own
        + "".join(f"\n## {name}\n\n{_markdown(section.__doc__)}\n\n{_table(section)}" for name, section in sections)
    )


def _table(section: Any, names: Collection[str] = ()) -> str:
    """A table of the keys of a section and of its subsections; if ``names`` is not empty, only of those keys."""
    lines = ["| key | values | default | |", "|---|---|---|---|"]
    for key, field, owner in _rows(section, ""):
        if not names or key in names:
            node = schema(owner)["properties"][key.rpartition(".")[2]]
            cells = f"`{key}`", allowed(node, schema(owner)), _default(field), field.description or ""
            lines.append("| " + " | ".join(map(_markdown, cells)) + " |")
    return "\n".join(lines) + "\n"


def _rows(section: Any, prefix: str) -> Iterator[tuple[str, FieldInfo, Any]]:
    """Dotted name, field and owning section of each key."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        if not _is_section(field):
            yield key, field, section
        elif name not in TECHNIQUES:
            yield from _rows(field.annotation, f"{key}.")


def _default(field: FieldInfo) -> str:
    own = "*required*" if field.is_required() else ""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default is not None and default != ():
        own = f"`{flow(default)}`"
    study = f"(`{flow(field.examples[0])}`)" if field.examples else ""
    return f"{own} {study}".strip()


def _markdown(text: str) -> str:
    """The text with the characters escaped that have a meaning in Markdown tables."""
    return text.replace("|", "\\|").replace("<", "\\<")


def _optimizer(kind: Any) -> str:
    return get_args(kind.model_fields["optimizer"].annotation)[0]
