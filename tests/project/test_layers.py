"""The packages of the library import each other in one direction only, by the text of the modules and independently of import-linter."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "workflow" / "pinnscape"


def imported(path: Path) -> Iterator[str]:
    """The modules of pinnscape that a module names, wherever it does: within functions and for type checkers, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name.startswith("pinnscape."))
            case ast.ImportFrom(module="pinnscape", names=names):
                yield from (f"pinnscape.{alias.name}" for alias in names)
            case ast.ImportFrom(module=str(module), level=0) if module.startswith("pinnscape."):
                yield module
            case ast.ImportFrom(level=level):
                assert level == 0, f"{path}: a relative import"


def packages(library: Path) -> dict[str, set[str]]:
    """For each package the other packages that its modules import."""
    found = {folder.name: set[str]() for folder in library.iterdir() if (folder / "__init__.py").is_file()}
    for name, others in found.items():
        for path in (library / name).rglob("*.py"):
            others |= {module.split(".")[1] for module in imported(path)} - {name}
    return found


def test_no_package_imports_itself_through_others() -> None:
    graph = packages(LIBRARY)
    assert len(graph) > 10
    assert sum(map(len, graph.values())) > 40, "imports are found"
    assert set().union(*graph.values()) <= set(graph), "only packages are imported"
    assert set(TopologicalSorter(graph).static_order()) == set(graph)


def test_no_module_lies_loose_at_the_top() -> None:
    assert [path.name for path in LIBRARY.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("text", ["from pinnscape.b import x", "def f():\n    import pinnscape.b.x", "from pinnscape import b"])
def test_a_cycle_is_found(tmp_path: Path, text: str) -> None:
    for name, content in (("a", text), ("b", "from pinnscape.a.c import y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("", encoding="utf-8")
        (tmp_path / name / "m.py").write_text(content, encoding="utf-8")
    assert packages(tmp_path) == {"a": {"b"}, "b": {"a"}}
    with pytest.raises(ValueError, match="cycle"):
        tuple(TopologicalSorter(packages(tmp_path)).static_order())
