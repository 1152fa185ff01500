"""Digests of code: what changes them, and what does not."""

import ast
import os
import shutil
from pathlib import Path

import pytest

from pinnscape.files import provenance
from pinnscape.files.provenance import digest, imports

WORKFLOW = Path(__file__).parents[2] / "workflow"
# A small project: a script in one root, a package in the other.
FILES = {
    "scripts/work.py": "from helper import run\n\nimport pkg.direct\n",
    "scripts/helper.py": "import os\n\n\ndef run():\n    import pkg.late\n",
    "scripts/other.py": "import pkg.unused\n",
    "pkg/__init__.py": "",
    "pkg/direct.py": "from pkg.sub import member\nimport numpy\n",
    "pkg/sub/__init__.py": "",
    "pkg/sub/member.py": "from pkg.sub.deep import name as alias\n",
    "pkg/sub/deep.py": "name = 1\n",
    "pkg/sub/code.hpp": "int compiled;\n",
    "pkg/sub/neighbour.py": "name = 2\n",
    "pkg/late.py": "late = True\n",
    "pkg/unused.py": "from pkg import direct\n",
}
USED = {"scripts/work.py", "scripts/helper.py", "pkg/__init__.py", "pkg/direct.py", "pkg/sub/__init__.py"}
USED |= {"pkg/sub/member.py", "pkg/sub/deep.py", "pkg/sub/code.hpp", "pkg/late.py"}


@pytest.fixture(autouse=True)
def _forget():
    """Digests are cached for the life of a process; a file that changes in it must be read again."""
    forget()
    yield
    forget()


def forget() -> None:
    for function in (p for p in vars(provenance).values() if hasattr(p, "cache_clear")):
        function.cache_clear()


def project(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def of(folder: Path, *scripts: str) -> str:
    forget()
    files = [folder / "scripts" / f"{script}.py" for script in scripts or ("work",)]
    return digest(files, (folder, folder / "scripts"))


@pytest.mark.parametrize("name", FILES)
def test_a_digest_changes_with_the_text_of_what_the_script_runs_and_of_nothing_else(tmp_path, name):
    before = of(project(tmp_path))
    (tmp_path / name).write_text(FILES[name] + "# another word\n")
    assert (of(tmp_path) != before) == (name in USED)


@pytest.mark.parametrize("name", FILES)
def test_touching_a_file_changes_nothing(tmp_path, name):
    before = of(project(tmp_path))
    os.utime(tmp_path / name, (0, 0))
    assert of(tmp_path) == before


def test_a_change_that_is_taken_back_gives_the_first_digest_again(tmp_path):
    before = of(project(tmp_path))
    (tmp_path / "pkg/sub/deep.py").write_text("name = 3\n")
    assert of(tmp_path) != before
    (tmp_path / "pkg/sub/deep.py").write_text("name = 1\n")
    assert of(tmp_path) == before


def test_a_digest_does_not_depend_on_where_the_project_lies(tmp_path):
    assert of(project(tmp_path / "here")) == of(project(tmp_path / "over" / "there"))


def test_a_digest_depends_on_which_file_says_what(tmp_path):
    before = of(project(tmp_path))
    (tmp_path / "pkg/sub/deep.py").write_text(FILES["pkg/late.py"])
    (tmp_path / "pkg/late.py").write_text(FILES["pkg/sub/deep.py"])
    assert of(tmp_path) != before


def test_a_new_module_that_an_import_finds_counts(tmp_path):
    before = of(project(tmp_path))
    (tmp_path / "scripts/numpy.py").write_text("shadow = True\n")
    assert of(tmp_path) != before


def test_an_import_that_is_added_counts(tmp_path):
    project(tmp_path)
    (tmp_path / "pkg/late.py").write_text("import pkg.unused\n")
    before = of(tmp_path)
    (tmp_path / "pkg/unused.py").write_text("changed = True\n")
    assert of(tmp_path) != before


def test_modules_beside_a_file_are_followed_even_if_their_folder_is_a_package(tmp_path):
    project(tmp_path)
    (tmp_path / "pkg/late.py").write_text("import unused\n")
    forget()
    before = digest([tmp_path / "pkg/late.py"], (tmp_path, tmp_path / "pkg"))
    (tmp_path / "pkg/unused.py").write_text("changed = True\n")
    forget()
    assert digest([tmp_path / "pkg/late.py"], (tmp_path, tmp_path / "pkg")) != before


def test_of_a_package_the_own_modules_alone_are_followed(tmp_path):
    project(tmp_path)
    (tmp_path / "pkg/late.py").write_text("import helper\nimport pkg.unused\n")
    (tmp_path / "helper.py").write_text("beside = True\n")

    def own():
        forget()
        return digest([tmp_path / "pkg/late.py"], (tmp_path / "pkg",))

    before = own()
    (tmp_path / "helper.py").write_text("beside = False\n")
    assert own() == before
    (tmp_path / "pkg/unused.py").write_text("changed = True\n")
    assert own() != before


def test_several_scripts_have_one_digest_in_any_order(tmp_path):
    project(tmp_path)
    assert of(tmp_path, "work", "other") == of(tmp_path, "other", "work")
    assert len({of(tmp_path, "work", "other"), of(tmp_path, "work"), of(tmp_path, "other")}) == 3


def test_modules_that_import_each_other_are_no_trap(tmp_path):
    project(tmp_path)
    (tmp_path / "pkg/late.py").write_text("import helper\nimport pkg.late\n")
    assert of(tmp_path) == of(tmp_path)


def test_a_digest_is_sixteen_hexadecimal_digits(tmp_path):
    assert len(of(project(tmp_path))) == 16
    int(of(tmp_path), 16)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import pkg", {"pkg/__init__.py"}),
        ("import pkg.sub.deep", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/deep.py"}),
        ("import pkg.sub.deep as d, pkg.late", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/deep.py", "pkg/late.py"}),
        ("from pkg import late", {"pkg/__init__.py", "pkg/late.py"}),
        ("from pkg.sub.deep import name", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/deep.py"}),
        ("from pkg import sub", {"pkg/__init__.py", "pkg/sub/__init__.py"}),
        ("def f():\n    from pkg import late", {"pkg/__init__.py", "pkg/late.py"}),
        ("if False:\n    import pkg.late", {"pkg/__init__.py", "pkg/late.py"}),
        ("import helper", {"scripts/helper.py"}),
        ("import numpy.linalg, os.path", set()),
        ("name = 'import pkg'", set()),
    ],
)
def test_the_files_that_an_import_runs(tmp_path, statement, expected):
    project(tmp_path)
    (tmp_path / "scripts/case.py").write_text(statement)
    found = imports(tmp_path / "scripts/case.py", (tmp_path, tmp_path / "scripts"))
    assert {file.relative_to(tmp_path).as_posix() for file in found} == expected


def test_text_that_is_not_ascii_counts_too(tmp_path):
    project(tmp_path)
    (tmp_path / "pkg/late.py").write_text("unit = 'µ'\n", encoding="utf-8")
    before = of(tmp_path)
    (tmp_path / "pkg/late.py").write_text("unit = 'Ω'\n", encoding="utf-8")
    assert of(tmp_path) != before


def test_the_project_has_no_relative_imports_which_digests_do_not_follow():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in WORKFLOW.rglob("*.py")}
    assert len(trees) > 30
    relative = [path for path, tree in trees.items() for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert relative == []


def test_training_depends_on_the_mathematics_below_it_and_not_on_figures():
    roots, queue, found = (WORKFLOW,), [WORKFLOW / "scripts" / "train.py"], set()
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue.extend(imports(path, roots))
    names = {path.relative_to(WORKFLOW).as_posix() for path in found}
    below = {
        "networks/architectures",
        "problems/quadrature",
        "networks/streams",
        "problems/euler_lagrange",
        "losses/discretization",
        "problems/problem",
        "problems/registry",
    }
    below |= {"files/store", "files/netcdf", "files/atomic", "files/checksum"}
    assert {f"pinnscape/{name}.py" for name in below} | {"runtime/job.py"} <= names
    assert not [name for name in names if "figures" in name or "curvature" in name or "poisson" in name]


def a_project(folder: Path) -> Path:
    texts = {
        "Snakefile": "rule all:\n",
        "workflow/pinnscape/__init__.py": '"""Text."""\n\n__version__ = "1.2.3"\n',
        "workflow/pinnscape/a.py": "1\n",
        "workflow/rules/a.smk": "rule a:\n",
        "results/a.nc": "",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_project_has_a_version_and_one_digest_of_all_its_code(tmp_path):
    here, there = provenance.project(a_project(tmp_path / "here")), provenance.project(a_project(tmp_path / "there"))
    assert here == there
    assert here["pinnscape"] == "1.2.3"
    assert len(here["code"]) == 16


@pytest.mark.parametrize(
    ("name", "counts"),
    [("Snakefile", True), ("workflow/rules/a.smk", True), ("workflow/pinnscape/new.hpp", True), ("results/a.nc", False)],
)
def test_the_digest_of_a_project_changes_with_its_code_alone(tmp_path, name, counts):
    before = provenance.project(a_project(tmp_path))
    forget()
    (tmp_path / name).write_text("# another word\n")
    assert (provenance.project(tmp_path)["code"] != before["code"]) == counts


def test_a_project_that_does_not_state_its_version_has_no_known_one(tmp_path):
    (a_project(tmp_path) / "workflow/pinnscape/__init__.py").write_text("")
    assert provenance.project(tmp_path)["pinnscape"] == "unknown"


def test_a_hash_of_values_knows_their_contents_and_not_the_order_of_their_keys():
    value = {"a": [1, 2.5, "x"], "b": {"c": True, "d": None}}
    assert provenance.hashed(value) == provenance.hashed({"b": {"d": None, "c": True}, "a": [1, 2.5, "x"]})
    others = [{**value, "a": [2.5, 1, "x"]}, {**value, "b": {"c": False, "d": None}}, {"a": value["a"]}]
    assert len({provenance.hashed(other) for other in (value, *others)}) == 4


def test_neither_texts_nor_ranges_of_settings_make_anything_run_again(tmp_path):
    """Their values are parameters of the rules."""
    shutil.copytree(WORKFLOW, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    library = tmp_path / "pinnscape"
    left_out = [path.relative_to(WORKFLOW) for path in (WORKFLOW / "pinnscape/config").glob("*.py")]

    def found() -> list[str]:
        forget()
        without = [tmp_path / path for path in left_out]
        technique = digest([library / "techniques/basin.py"], (tmp_path,), without, ("TECHNIQUE", "Settings", "metrics"))
        return [technique, digest([tmp_path / "scripts/train.py"], (tmp_path,), without)]

    before = found()
    for path in (library / "techniques/basin.py", library / "config/sections.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('description="', 'description="that is, '), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != text
    assert found() == before
    (library / "landscape/basin.py").write_text("", encoding="utf-8")
    assert found()[0] != before[0]


def test_the_rules_leave_the_package_of_settings_out_of_their_digests():
    rules = (WORKFLOW / "rules/common.smk").read_text(encoding="utf-8")
    assert '(LIBRARY / "config").glob("*.py")' in rules
    assert 'leaving_out=("TECHNIQUE", "METRICS", "Settings", "metrics")' in rules
