"""Text is UTF-8 whatever the locale: every call of the workflow that reads or writes text, or talks with a program, says so."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# And what tests of other locales call; `make test` runs in UTF-8.
HELPERS = ("end_to_end/workspace", "end_to_end/faults", "end_to_end/forks", "slurm/cluster", "soak")
FILES = [*PROJECT.glob("workflow/**/*.py"), *[PROJECT / f"tests/{name}.py" for name in HELPERS]]
RULES = [PROJECT / "Snakefile", *PROJECT.glob("workflow/rules/*.smk")]
_TEXT = re.compile(r"\.(read_text|write_text)\(|\bopen\(|\btext=True")


def silent(code: str) -> list[int]:
    """Lines of calls that leave the encoding of a text to the locale."""
    return [node.lineno for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and _depends(node)]


def _depends(call: ast.Call) -> bool:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in keywords:
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("read_text", "write_text", "TemporaryFile", "NamedTemporaryFile", "fdopen", "FileHandler", "TextIOWrapper"):
        return not _binary(call, keywords)
    if name == "open":
        return not _binary(call, keywords) and not _of_another_kind(call.func)
    return any(
        isinstance(value := keywords.get(key), ast.Constant) and value.value is True for key in ("text", "universal_newlines")
    )


def _binary(call: ast.Call, keywords: dict[str | None, ast.expr]) -> bool:
    modes = [
        node.value
        for node in [*call.args, *keywords.values()]
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return any(re.fullmatch(r"[rwxa+]*b[rwxa+]*", mode) for mode in modes)


def _of_another_kind(function: ast.expr) -> bool:
    """Whether it is the ``open`` of descriptors or of archives, which know no text."""
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in ("os", "archive", "Image")
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_encoding_of_every_text_is_named(path):
    assert silent(path.read_text(encoding="utf-8")) == []


def test_rules_leave_it_to_modules():
    assert len(RULES) > 5
    assert [line for path in RULES for line in path.read_text(encoding="utf-8").splitlines() if _TEXT.search(line)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open(p)", True), ("open(p, 'w')", True), ("open(p, 'rb')", False), ("p.open()", True), ("p.open('r+b')", False),
        ("p.read_text()", True), ("p.read_text(encoding='utf-8')", False), ("p.write_text(t)", True), ("os.open(p, 0)", False),
        ("subprocess.run(c, text=True)", True), ("subprocess.run(c, text=True, encoding='utf-8')", False), ("run(c)", False), ("Parameter(1.0, text='speed')", False),
        ("logging.FileHandler(p)", True), ("tempfile.TemporaryFile('w')", True), ("tempfile.TemporaryFile('w+b')", False),
    ],
)  # fmt: skip
def test_the_check_sees_what_depends_on_the_locale(code, found):
    assert bool(silent(code)) == found
