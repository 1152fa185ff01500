"""Classes as the text of their modules has them: nothing is imported, and torch is not needed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pinnscape.common.errors import ProblemError


@dataclass(frozen=True)
class Class:
    """A class and the module in which it is defined."""

    path: Path
    node: ast.ClassDef

    @property
    def names(self) -> set[str]:
        """Methods and attributes that it defines itself."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return {child.name for child in self.node.body if isinstance(child, kinds)}.union(
            *(t for t, _ in _assignments(self.node))
        )


def classes(path: Path) -> Iterator[Class]:
    """The classes at the top of a module.

    Raises:
        ProblemError: it cannot be read, or is no Python; one line.
    """
    return (Class(path, node) for node in parsed(path).body if isinstance(node, ast.ClassDef))


def lineage(start: Class) -> Iterator[Class | None]:
    """The class and all its bases; None for a base that cannot be followed."""
    queue: list[Class | None] = [start]
    for c in queue:
        yield c
        if c is not None:
            queue += [_base(c, node) for node in c.node.bases if not (isinstance(node, ast.Name) and node.id == "object")]
            queue += [None] * bool(c.node.keywords or c.node.decorator_list)


def value(found: Iterator[Class | None] | list[Class | None], attribute: str) -> object:
    """The first plain value that a class of a lineage gives an attribute; None where that is something else."""
    for c in found:
        for targets, given in _assignments(c.node) if c is not None else ():
            if attribute in targets:
                try:
                    return ast.literal_eval(given)
                except ValueError:
                    return None
    return None


def parsed(path: Path) -> ast.Module:
    """The text of a module as a tree.

    Raises:
        ProblemError: it cannot be read, or is no Python; one line.
    """
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise ProblemError(f"{shown(path)}: line {error.lineno}: {error.msg}; mend it") from None
    except (OSError, ValueError) as error:
        raise ProblemError(f"{shown(path)}: cannot be read ({error})") from None


def shown(path: Path) -> str:
    """A path as messages have it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _assignments(node: ast.ClassDef) -> Iterator[tuple[set[str], ast.expr]]:
    """Names that a class gives values, and the values."""
    for child in node.body:
        if isinstance(child, ast.Assign):
            yield {target.id for target in child.targets if isinstance(target, ast.Name)}, child.value
        elif isinstance(child, ast.AnnAssign) and child.value is not None and isinstance(child.target, ast.Name):
            yield {child.target.id}, child.value


def _base(c: Class, node: ast.expr) -> Class | None:
    return _find(c.path, node.id) if isinstance(node, ast.Name) else None


def _find(path: Path, name: str) -> Class | None:
    """The class of this name in a module, whether it is defined there or imported from another module of the library."""
    tree, root = parsed(path), path.parents[2]  # the folder in which modules are looked up, as on sys.path
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Class(path, node)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                module = root.joinpath(*node.module.split(".")).with_suffix(".py")
                if (alias.asname or alias.name) == name and module.is_file():
                    return _find(module, alias.name)
    return None
