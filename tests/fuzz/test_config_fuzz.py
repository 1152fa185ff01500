"""Six hundred damaged configurations: each is a study whose numbers are in range, or one line that names file and key."""

import copy
import datetime
import json
import math
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from study_cases import DEFAULT, ROOT, leaves, load

from pinnscape.common.errors import PinnscapeError
from pinnscape.config.reading import read
from pinnscape.config.schema import schema
from pinnscape.study.configuration import Configuration
from pinnscape.study.study import Study

TEXT = (ROOT / "config.yaml").read_text()
SHORT = re.sub(r"(?ms)^techniques:.*?^(?=claims:)", "", TEXT)  # twice as fast to read
SCHEMA = schema(Configuration)
PARTS, EACH = 10, 60
CASES = {
    "soft": {
        "problem": "convection",
        "conditions": {"initial": {"enforce": "soft", "weight": 10.0}, "periodic": {"harmonics": 2}},
    },
    "corner": {"problem": "l_shape", "quadrature": {"rule": "duffy", "points": 5, "test": {"points": 7}}},
}
SWEEPS = {
    "beta": {"case": "soft", "vary": "parameters.beta", "values": [1, 5.0]},
    "width": {"case": "poisson2d", "vary": "network.width", "values": [8, 32]},
}
GIVEN = DEFAULT | {"cases": DEFAULT["cases"] | CASES, "sweeps": SWEEPS}
KEYS = sorted(leaves(GIVEN), key=str)
CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
DEEP: list[Any] = []
for _ in range(60):
    DEEP = [DEEP]
WIDE = {f"k{i}": i for i in range(3000)}
SHARED = [1, 2]
NUMBERS = [math.nan, math.inf, -math.inf, 0, -1, 1, 2, 0.5, -0.0, 1e-320, 1e308, 10**30, -(10**400), 2**63, 3.0, True, False]
TEXTS = [
    "",
    " ",
    "1e-3",
    ".inf",
    "nan",
    "x",
    "cpu",
    "init",
    "final",
    "adam",
    "../x",
    "/etc/passwd",
    ".hidden",
    "a\nb",
    "a\0b",
    "~",
    "\ufeff",
]
TEXTS += [
    "\x1b[31mred\x1b[0m",
    "{0} %s %n",
    "é",
    "Ω" * 70,
    "\u202egnp",
    "\u2028",
    "a" * 100_000,
    "1" * 100_000,
    "poisson2d",
    "deep-ritz",
    "none.py",
    "soft",
    "parameters.mu",
]
OTHERS = [
    None,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [1, "a", None, 2.5],
    {1: 2},
    {None: 1},
    datetime.date(2020, 1, 2),
    b"\0\xff",
    {"a", "b"},
]
OTHERS += [CIRCLE, DEEP, WIDE, [SHARED] * 5, list(range(300)), [*range(2000), *map(str, range(2000))], DEFAULT["grid"], DEFAULT]
VALUES = [*NUMBERS, *TEXTS, *OTHERS]
# What no dump writes; each stands where a value was.
SNIPPETS = [
    '!!int ""',
    '!!float ""',
    "!!bool maybe",
    "!!timestamp soon",
    "!!binary é",
    "!!python/object/apply:os.getcwd []",
    "!!set {a, b}",
]
SNIPPETS += [
    "!!omap [a: 1]",
    "&a [*a]",
    "*nobody",
    "{<<: 3}",
    "{<<: [{a: 1}, 2]}",
    "? [a, b]",
    "0x" + "f" * 300,
    "1_0",
    "0o17",
    "1:30:00",
    "=",
]
SNIPPETS += [
    "[" * 3000,
    "{a: " * 400,
    '"\\ud800"',
    '"\\x00"',
    "9" * 5000,
    "2020-13-45",
    "2020-01-01T00:00:00+99:99",
    "|\n  text",
    ">",
    "%",
    "@",
    "`",
]
SNIPPETS += [
    "&a {k: &b {l: 1}, <<: *b}",
    "{<<: [" + "*z," * 5000 + "]}",
    "!",
    "!!str",
    "!<tag:x> 1",
    "- - - -",
    "\t",
    "\x85",
    "#",
    "[0, " * 40 + "0" + "]" * 40,
]
INSERTED = [
    b"\0",
    b"\xff",
    b"\t",
    b"\r",
    b"\n",
    b":",
    b": ",
    b"- ",
    b"#",
    b"'",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"&a ",
    b"*a ",
    b"!!",
    b"%",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
]


def path_of(config: Any, key: tuple[Any, ...]) -> Any:
    for part in key[:-1]:
        config = config[part]
    return config


def restructured(config: dict[str, Any], choose: random.Random) -> None:
    """Change one key of the configuration; what an earlier change took away stays away."""
    key = choose.choice(KEYS)
    try:
        parent = path_of(config, key)
        match choose.choice(["replace"] * 4 + ["delete", "rename", "scale", "move", "add", "wrap"]):
            case "replace":
                parent[key[-1]] = choose.choice(VALUES)
            case "delete":
                del parent[key[-1]]
            case "rename":
                parent[choose.choice([*TEXTS, 3, None, True, 1.5])] = parent.pop(key[-1])
            case "scale":
                parent[key[-1]] *= choose.choice([-1, 0, 2, 1e6, 1e-6, 10**20])
            case "move":
                other = choose.choice(KEYS)
                path_of(config, other)[other[-1]] = parent[key[-1]]
            case "add":
                parent[key[-1]][choose.choice(TEXTS)] = choose.choice(VALUES)
            case "wrap":
                parent[key[-1]] = choose.choice([[parent[key[-1]]], {"a": parent[key[-1]]}, str(parent[key[-1]])])
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError):
        pass


def edited(text: bytes, choose: random.Random) -> bytes:
    """Change the text at one place."""
    at, lines = choose.randrange(len(text)), text.splitlines(keepends=True)
    line = choose.randrange(len(lines))
    match choose.choice(["flip", "insert", "cut", "end", "twice", "drop", "indent", "value", "value", "swap"]):
        case "flip":
            return text[:at] + bytes([text[at] ^ 1 << choose.randrange(8)]) + text[at + 1 :]
        case "insert":
            return text[:at] + choose.choice(INSERTED) * choose.choice([1, 1, 3]) + text[at:]
        case "cut":
            return text[:at] + text[at + choose.randrange(1, 200) :]
        case "end":
            return text[:at]
        case "twice":
            lines.insert(choose.randrange(len(lines)), lines[line])
        case "drop":
            del lines[line]
        case "indent":
            lines[line] = b" " * choose.randrange(1, 5) + lines[line].lstrip(choose.choice([b"", b" "]))
        case "value":
            key, colon, _ = lines[line].partition(b":")
            lines[line] = key + colon + b" " + choose.choice(SNIPPETS).encode() + b"\n"
        case "swap":
            other = choose.randrange(len(lines))
            lines[line], lines[other] = lines[other], lines[line]
    return b"".join(lines)


def mutation(number: int) -> tuple[bytes, bool]:
    """A damaged configuration, and whether it is still YAML by construction."""
    choose = random.Random(number)
    if number % 2:
        text = (TEXT if number % 8 == 1 else SHORT).encode()
        for _ in range(choose.choice([1, 1, 1, 2, 5])):
            text = edited(text, choose) or b"\n"
        return text, False
    config = copy.deepcopy(GIVEN)
    for _ in range(choose.choice([1, 1, 1, 2, 5])):
        restructured(config, choose)
    return yaml.dump(config, Dumper=yaml.CSafeDumper, allow_unicode=choose.random() < 0.5).encode(), True


def outcome(path: Path) -> Study | str:
    start = time.process_time()  # not the time on the wall, which other programs lengthen
    try:
        return load(path)
    except PinnscapeError as refusal:
        return str(refusal)
    finally:
        assert time.process_time() - start < 1.0


def check_refusal(message: str, path: Path, structured: bool) -> None:
    assert message.isprintable()  # which line breaks and escape sequences are not
    assert re.match(re.escape(str(path)) + r"(:\d+)?: \S", message)
    assert len(message) < 1000
    said = message.removeprefix(str(path))
    if structured and "not valid YAML" not in said and "nested too deeply" not in said:
        key = re.match(r": ([^:]+): ", said)
        assert key, "a message about a value must name its key"
        assert re.split(r"[.\[]", key[1])[0] in SCHEMA["properties"] or "unknown key" in said or "keys must be text" in said


def check_study(study: Study, path: Path) -> None:
    """All that an accepted study gives to a stage is JSON, and every number obeys the schema, by a validator that is not ours."""
    for config in (read(path), study.complete()):
        Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(config, allow_nan=False)))
    settings = [[study.model(case), study.training(case), study.left_out(case)] for case in study.cases]
    settings += [[study.directions(plane), study.grid(plane)] for plane in study.planes]
    settings += [study.technique(name) for name in study.techniques]
    settings += [
        study.engine(),
        study.checkpoints(),
        study.hessian(),
        study.claims(),
        study.figures(),
        [study.figure_seed(case) for case in study.cases],
    ]
    assert json.loads(json.dumps(settings, allow_nan=False)) == settings
    assert all(study.figure_seed(case) in study.seeds(case) for case in study.cases)
    assert len(study.runs) == sum(len(study.losses(case)) * len(study.seeds(case)) for case in study.cases) > 0
    assert {case for cases in study.cases_by_losses.values() for case in cases} == set(study.cases)
    assert set(study.swept_values) <= set(study.cases)
    assert set(study.hessian_checkpoints) <= set(study.checkpoint_names)
    for part in (*study.cases, *study.config.study.losses, *study.planes, *study.checkpoint_names, *study.techniques):
        assert Path("results", part).resolve().parent == Path("results").resolve()
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,99}", part, re.ASCII)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_configuration_is_a_study_or_one_line(tmp_path, part):
    path, refusals = tmp_path / "my.yaml", 0
    for number in range(part * EACH, (part + 1) * EACH):
        text, structured = mutation(number)
        path.write_bytes(text)
        found = outcome(path)
        if isinstance(found, str):
            check_refusal(found, path, structured)
            refusals += 1
        else:
            check_study(found, path)
    assert EACH // 4 < refusals < EACH - 5, "the mutations are all harmless, or all fatal"


BOMBS = {
    "merged": "a0: &a0 {k: 1, l: 2}\n"
    + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 20)}]}}\n" for i in range(1, 12)),
    "aliases": "a0: &a0 [1, 2]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
    "many": "study: {seeds: [" + "0, " * 80_000 + "]}\n",
    "mixed": "study: {seeds: [" + ", ".join(f"{i}, s{i}" for i in range(2000)) + "]}\n",
    "number": "network: {width: '" + "1" * 200_000 + "'}\n",
    "exponent": "network: {width: '" + "1" * 200_000 + "e5'}\n",
    "name": "cases: {mine: {problem: '" + "a" * 200_000 + "'}}\n",
    "hyphens": "checkpoints: {" + "a-" * 100_000 + ": 0.5}\n",
    "long": "#" * 300_000,
    "deep": "[" * 200_000,
    "indented": "".join(" " * i + "a:\n" for i in range(600)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_configurations_that_would_take_for_ever_are_refused_at_once(tmp_path, name):
    path = tmp_path / "my.yaml"
    path.write_text(BOMBS[name])
    message = outcome(path)
    assert isinstance(message, str)
    check_refusal(message, path, structured=False)
