"""Recipes are read and followed as a person would: the right lines at the right place, and no guesses."""

from pathlib import Path

import pytest
import recipes
from recipes import Step

PAGE = """# Page

## Add a thing

1. Its code goes into a new file, `a/new.py`:

   ```python
   if True:
       x = 1
   ```

2. Its name is added to `a/list.py`, below the line `"one",`:

   ```python
   "two",
   ```

3. Run `make`.

## Another

1. It says nothing.

   ```
   x
   ```
"""


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/list.py").write_text('NAMES = (\n    "one",\n)\n', encoding="utf-8")


def test_a_recipe_is_followed_to_the_letter(tmp_path: Path) -> None:
    assert recipes.follow("page", "Add a thing", tmp_path) == {"a/new.py", "a/list.py"}
    assert (tmp_path / "a/new.py").read_text() == "if True:\n    x = 1\n"
    assert (tmp_path / "a/list.py").read_text() == 'NAMES = (\n    "one",\n    "two",\n)\n'


def test_a_recipe_that_was_followed_for_a_while_leaves_nothing(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    with recipes.followed("page", "Add a thing", tmp_path) as touched:
        assert touched == {"a/new.py", "a/list.py"}
        assert (tmp_path / "a/new.py").is_file()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_lines_may_go_above_another(tmp_path: Path) -> None:
    Step("a/list.py", '"zero",\n', '"one",', below=False).follow(tmp_path)
    assert (tmp_path / "a/list.py").read_text() == 'NAMES = (\n    "zero",\n    "one",\n)\n'


def test_a_recipe_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"page\.md has no heading 'Add'"):
        recipes.steps("page", "Add")
    with pytest.raises(ValueError, match=r"does not say where its lines go: It says nothing\."):
        recipes.steps("page", "Another")
    with pytest.raises(ValueError, match=r"a/list\.py has the line '\"two\",' 0 times"):
        Step("a/list.py", "", '"two",').follow(tmp_path)
    with pytest.raises(ValueError, match=r"a/list\.py is not new"):
        Step("a/list.py", "").follow(tmp_path)
