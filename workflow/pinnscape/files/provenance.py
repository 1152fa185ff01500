"""Digests of code: hashes of the text of all project modules that a script runs.

Snakemake does not track the modules that a script imports, and compares the script itself by its modification time
(https://github.com/snakemake/snakemake/issues/3456; at least Snakemake 7.8 to 9.27.1). Each rule therefore has a digest of this
text among its parameters. The rule runs again when the text changes, but not when only a modification time changes.
"""

import ast
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

# Libraries that affect numbers or figures; the other libraries only run or check the workflow.
SHAPING = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "netCDF4",
    "matplotlib",
    "seaborn",
    "sympy",
    "gudhi",
    "scikit-fem",
    "scikit-learn",
)

_CODE = (".py", ".hpp", ".smk", ".yaml")
_VERSION = re.compile(r'(?m)^__version__ = "(.+)"$')


def pins(requirements: Path) -> str:
    """The pinned versions of the libraries that affect results, from a requirements file."""
    lines = (line.strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return " ".join(sorted(line for line in lines if line.split("==")[0] in SHAPING))


def project(root: Path) -> dict[str, str]:
    """Version of the project and a digest of all its code, including code that a study does not run.

    Args:
        root: folder of the project.
    """
    version = _VERSION.search((root / "workflow/pinnscape/__init__.py").read_text(encoding="utf-8"))
    files = [root / "Snakefile", *(path for path in (root / "workflow").rglob("*") if path.suffix in _CODE)]
    names = sorted((path.relative_to(root).as_posix(), _content(path)) for path in files)
    return {"pinnscape": version[1] if version else "unknown", "code": hashlib.sha256(repr(names).encode()).hexdigest()[:16]}


def digest(
    files: Iterable[Path], roots: Sequence[Path], without: Collection[Path] = (), leaving_out: Collection[str] = ()
) -> str:
    """Hash of the text of ``files``, of all modules under ``roots`` that they import directly or indirectly, and of their C++
    code.

    Args:
        files: Python files.
        roots: folders in which imports are looked up, as on ``sys.path``. If a root is a package, its modules are also looked up
            under the name of the package.
        without: files that are excluded, together with their imports.
        leaving_out: names of functions, classes and constants of ``files`` that are excluded, together with their imports.

    Returns:
        16 hexadecimal digits.
    """
    return _digest(tuple(files), tuple(roots), frozenset(without), frozenset(leaving_out))


@cache
def _digest(files: tuple[Path, ...], roots: tuple[Path, ...], without: frozenset[Path], leaving_out: frozenset[str]) -> str:
    contents: dict[Path, str] = {}
    queue = [(path, leaving_out) for path in files]
    while queue:
        path, absent = queue.pop(0)
        if path not in contents and path not in without:
            contents[path] = _content(path, absent)
            contents.update({other: _content(other) for other in _compiled_by(path.parent)})
            queue.extend((other, frozenset()) for other in imports(path, roots, absent))
    names = sorted((path.relative_to(_root(path, roots)).as_posix(), content) for path, content in contents.items())
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


def hashed(value: Any) -> str:
    """Hash of values that JSON can represent, 16 hexadecimal digits; the order of keys does not count."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@cache
def imports(path: Path, roots: tuple[Path, ...], leaving_out: frozenset[str] = frozenset()) -> frozenset[Path]:
    """The files under ``roots`` that the imports of ``path`` run; importing a.b.c also runs a and a.b."""
    tree = ast.parse(path.read_bytes())
    tree.body = [node for node in tree.body if not _names(node) & leaving_out]
    return frozenset(file for name in _imported(tree) for file in _resolve(name, roots))


def _names(node: ast.stmt) -> set[str]:
    """Names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    return {target.id for target in node.targets if isinstance(target, ast.Name)} if isinstance(node, ast.Assign) else set()


def _imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names that may be modules, including imports inside functions."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within a node that may run. Expressions contain no statements and are skipped."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        children = getattr(node, name, ())
        for child in children if isinstance(children, list) else ():
            yield child
            yield from _statements(child)


def _resolve(name: str, roots: Sequence[Path]) -> Iterator[Path]:
    parts = name.split(".")
    for root in roots:
        if _is_package(root) and parts[0] == root.name:
            root = root.parent
        if not _begins(root / parts[0]):
            continue
        for length in range(1, len(parts) + 1):
            stem = root.joinpath(*parts[:length])
            for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
                if candidate.is_file():
                    yield candidate


@cache
def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


@cache
def _begins(stem: Path) -> bool:
    """Whether there is a module or package of this name; most imports belong to other projects."""
    return stem.is_dir() or stem.with_suffix(".py").is_file()


@cache
def _compiled_by(folder: Path) -> tuple[Path, ...]:
    """The C++ files that the modules of a folder compile."""
    return tuple(folder.glob("*.hpp"))


@cache
def _content(path: Path, leaving_out: frozenset[str] = frozenset()) -> str:
    """Hash of a file without the lines of the excluded definitions."""
    content = path.read_bytes()
    if leaving_out:
        lines = content.splitlines(keepends=True)
        for node in ast.parse(content).body:
            if _names(node) & leaving_out:
                first = min([node.lineno, *[decorator.lineno for decorator in getattr(node, "decorator_list", ())]])
                last = node.end_lineno or first
                lines[first - 1 : last] = [b""] * (last - first + 1)
        content = b"".join(lines)
    return hashlib.sha256(content).hexdigest()


def _root(path: Path, roots: Sequence[Path]) -> Path:
    """The deepest root that contains ``path``. Paths relative to it do not depend on the location of the project."""
    return max((root for root in roots if path.is_relative_to(root)), key=lambda root: len(root.parts))
