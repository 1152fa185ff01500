"""What can be said of a problem from the text of its module, without importing torch: is the class there, with all that it must have?

Only what is certain is refused: a class whose bases cannot be followed to the end is left to the job that checks the problem.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pinnscape.common.errors import ProblemError
from pinnscape.problems.catalog import CATALOG, Entry

_ROOT = Path(__file__).parents[2]  # in which modules are looked up, as on sys.path
_BASE = (Path(__file__).with_name("base.py"), "Problem")
_MUST = {"density": "def density(self, x, u, du)", "exact": "def exact(self, x)"}


@dataclass(frozen=True)
class _Class:
    path: Path
    node: ast.ClassDef


def check(names: Iterable[str]) -> None:
    """Refuse problems whose modules cannot be those of a problem.

    Args:
        names: in the catalogue.

    Raises:
        ProblemError: a module or class is missing or no Python, or lacks a method, or contradicts the catalogue; one line.
    """
    for name in names:
        _check(name, CATALOG[name])


def _check(name: str, entry: Entry) -> None:
    path = Path(__file__).with_name(f"{entry.module}.py")
    where = _shown(path)
    if not path.is_file():
        raise ProblemError(
            f"{where}: no such file, but problems/catalog.py looks for the problem {name} there; add it, or mend the catalogue"
        )
    found = _find(path, entry.cls)
    if found is None:
        if _is_bound(_parsed(path), entry.cls):
            return
        known = ", ".join(node.name for node in _parsed(path).body if isinstance(node, ast.ClassDef)) or "no class"
        raise ProblemError(
            f"{where}: no class {entry.cls}, which problems/catalog.py names for the problem {name}; there is {known}"
        )
    classes = list(_lineage(found))
    if None in classes:
        return
    ours = [c for c in classes if c is not None and (c.path, c.node.name) != _BASE]
    if len(ours) == len(classes):
        raise ProblemError(
            f"{where}: {entry.cls} is no problem; write `class {entry.cls}(Problem)`, Problem from pinnscape.problems.base"
        )
    for method, signature in _MUST.items():
        if not any(method in _names(c.node) for c in ours):
            raise ProblemError(f"{where}: {entry.cls}.{method}: is missing; define `{signature}`")
    _agree(name, entry, where, classes)


def _agree(name: str, entry: Entry, where: str, classes: list[_Class | None]) -> None:
    """The catalogue says of a class what the class says of itself, as far as it does so in plain values."""
    dimension, components = (_value(classes, attribute) for attribute in ("dimension", "components"))
    for what, listed, own in (
        ("dimension", entry.dimension, dimension),
        ("number of components", entry.components, len(components) if isinstance(components, (tuple, list)) else None),
    ):
        if own is not None and own != listed:
            raise ProblemError(
                f"{where}: {entry.cls} has {what} {own}, but problems/catalog.py says {listed} for the problem {name}; make them agree"
            )


def _value(classes: list[_Class | None], attribute: str) -> object:
    """The first plain value that a class of the lineage gives an attribute; None where that is something else."""
    for c in classes:
        for targets, value in _assignments(c.node) if c is not None else ():
            if attribute in targets:
                try:
                    return ast.literal_eval(value)
                except ValueError:
                    return None
    return None


def _assignments(node: ast.ClassDef) -> Iterator[tuple[set[str], ast.expr]]:
    """Names that a class gives values, and the values."""
    for child in node.body:
        if isinstance(child, ast.Assign):
            yield {target.id for target in child.targets if isinstance(target, ast.Name)}, child.value
        elif isinstance(child, ast.AnnAssign) and child.value is not None and isinstance(child.target, ast.Name):
            yield {child.target.id}, child.value


def _lineage(start: _Class) -> Iterator[_Class | None]:
    """The class and all its bases; None for a base that cannot be followed."""
    queue: list[_Class | None] = [start]
    for c in queue:
        yield c
        if c is not None:
            queue += [_base(c, node) for node in c.node.bases if not (isinstance(node, ast.Name) and node.id == "object")]
            queue += [None] * bool(c.node.keywords or c.node.decorator_list)


def _base(c: _Class, node: ast.expr) -> _Class | None:
    return _find(c.path, node.id) if isinstance(node, ast.Name) else None


def _find(path: Path, name: str) -> _Class | None:
    """The class of this name in a module, whether it is defined there or imported from another module of the project."""
    tree = _parsed(path)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _Class(path, node)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                module = _ROOT.joinpath(*node.module.split(".")).with_suffix(".py")
                if (alias.asname or alias.name) == name and module.is_file():
                    return _find(module, alias.name)
    return None


def _is_bound(tree: ast.Module, name: str) -> bool:
    """Whether something in a module may give this name a meaning, in a way that is not followed here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
            return True
        if isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"):
            return True
    return False


def _names(node: ast.ClassDef) -> set[str]:
    """Methods and attributes that a class defines."""
    found = {child.name for child in node.body if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    return found.union(*(targets for targets, _ in _assignments(node)))


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise ProblemError(f"{_shown(path)}: line {error.lineno}: {error.msg}; mend it") from None
    except (OSError, ValueError) as error:
        raise ProblemError(f"{_shown(path)}: cannot be read ({error})") from None


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
