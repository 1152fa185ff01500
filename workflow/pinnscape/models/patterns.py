"""The files of trained weights of modules that a pattern of paths matches."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path

from pinnscape.common.errors import ModelError
from pinnscape.common.texts import cut, shown
from pinnscape.common.user_files import PROJECT

_FIELDS = {"loss": r"[^/]+?", "seed": r"\d+", "step": r"\d+"}
_FIELD = re.compile(r"\{(\w*)\}|\*")
_MOST = 100_000  # files


@dataclass(frozen=True)
class Saved:
    """A file with weights.

    Attributes:
        path: the file.
        loss: name of the loss that was minimised; empty if the path does not tell.
        seed: seed of the training, or number of the run.
        step: step of the training.
    """

    path: Path
    loss: str
    seed: int
    step: int


def find(pattern: str) -> list[Saved]:
    """The files whose paths match a pattern, ordered by loss, seed and step.

    Args:
        pattern: a path with ``{step}``, and possibly ``{seed}`` and ``{loss}``, in place of what differs. ``*`` stands for any
            text without a slash; without names in braces, the last ``*`` is the step, and the one before it the run. Runs are
            numbered by the numbers at the ends of their names if these are distinct, otherwise in alphabetical order.

    Raises:
        ModelError: the pattern is invalid, no file matches it, or a step is not a number or occurs twice.
    """
    expression, run = _expression(pattern)
    paths = _matching(pattern)
    matches = [(path, expression.fullmatch(str(path))) for path in paths]
    found = [(path, match.groupdict()) for path, match in matches if match]
    if not found:
        raise ModelError(f"no file matches {cut(pattern)}; the path is relative to the folder of the study")
    seeds = _numbers(sorted({fields["run"] for _, fields in found})) if run else {}
    saved = [
        Saved(
            path,
            fields.get("loss") or "",
            seeds[fields["run"]] if run else int(fields.get("seed") or 0),
            _step(path, fields["step"]),
        )
        for path, fields in found
    ]
    saved.sort(key=lambda each: (each.loss, each.seed, each.step))
    for one, other in itertools.pairwise(saved):
        if (one.loss, one.seed, one.step) == (other.loss, other.seed, other.step):
            raise ModelError(
                f"{shown(one.path)} and {shown(other.path)} are the same step of the same run; give a narrower pattern"
            )
    return saved


def by_run(saved: Iterable[Saved]) -> dict[tuple[str, int], list[Saved]]:
    """The files of each run, by loss and seed, in the order of the steps."""
    found: dict[tuple[str, int], list[Saved]] = {}
    for each in saved:
        found.setdefault((each.loss, each.seed), []).append(each)
    return found


def _expression(pattern: str) -> tuple[re.Pattern[str], bool]:
    """The pattern as a regular expression, and whether it has a group ``run``."""
    names = [match[1] for match in _FIELD.finditer(pattern)]  # None for a star
    named = [name for name in names if name is not None]
    for name in named:
        if name not in _FIELDS or named.count(name) > 1:
            raise ModelError(f"{cut(pattern)}: may contain {{loss}}, {{seed}} and {{step}} once each; got {{{cut(name)}}}")
    if not names or (named and "step" not in named):
        raise ModelError(f"{cut(pattern)}: must contain {{step}}, or * for the run and the step, as in runs/*/step-*.pt")
    stars = [index for index, name in enumerate(names) if name is None]
    run = not named and len(stars) > 1
    groups = {} if named else {stars[-1]: "step", **({stars[-2]: "run"} if run else {})}
    pieces, end = [], 0
    for index, match in enumerate(_FIELD.finditer(pattern)):
        pieces.append(re.escape(pattern[end : match.start()]))
        name = names[index]
        own = groups.get(index) if name is None else name
        body = r"[^/]*" if name is None else _FIELDS[name]
        pieces.append(f"(?P<{own}>{body})" if own else body)
        end = match.end()
    return re.compile("(?:.*/)?" + "".join([*pieces, re.escape(pattern[end:])])), run


def _matching(pattern: str) -> list[Path]:
    """The files that a pattern may match, relative to the working directory or, without any there, to that of the project."""
    parts = _FIELD.split(pattern)[::2]
    wanted = "*".join(escape(part) for part in parts)
    for folder in (Path(), PROJECT):
        names = glob(wanted if folder == Path() else str(Path(escape(str(folder))) / wanted))
        if len(names) > _MOST:
            raise ModelError(f"{cut(pattern)}: matches {len(names)} files; give a narrower pattern")
        if names:
            return [Path(name) for name in names if Path(name).is_file()]
    return []


def _numbers(runs: list[str]) -> dict[str, int]:
    ends = {run: re.search(r"(\d{1,10})$", run) for run in runs}
    numbers = {run: int(match[1]) for run, match in ends.items() if match}
    if len(numbers) == len(runs) == len(set(numbers.values())):
        return numbers
    return {run: index for index, run in enumerate(runs)}


def _step(path: Path, text: str) -> int:
    numbers = re.findall(r"\d+", text)
    if len(numbers) != 1 or len(numbers[0]) > 15:
        raise ModelError(
            f"{shown(path)}: its step, {cut(text)!r}, is not a number; give a narrower pattern, as in step-{{step}}.pt"
        )
    return int(numbers[0])
