"""Each technique is a module with a figure, and the schema knows its settings."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pinnscape.config.schema import complete, schema
from pinnscape.techniques import catalog
from pinnscape.techniques.catalog import TECHNIQUES

WORKFLOW = Path(__file__).parents[1] / "workflow"


def test_the_schema_knows_every_technique():
    section = schema()["properties"]["techniques"]["properties"]
    assert set(section["without"]["items"]["enum"]) == set(TECHNIQUES)
    assert set(section) - {"without"} == set(TECHNIQUES)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_is_a_module_with_a_figure(name):
    module = catalog.module(name)
    assert callable(module.measure)
    assert callable(module.metrics)
    assert callable(import_module(f"pinnscape.figures.{name}").draw)
    assert TECHNIQUES[name].title
    assert TECHNIQUES[name].caption.endswith(".\n")


def test_the_modules_of_this_package_are_techniques_or_what_they_share():
    found = {path.stem for path in (WORKFLOW / "pinnscape/techniques").glob("*.py")}
    assert found - set(TECHNIQUES) == {"__init__", "base", "catalog", "rows"}


def test_the_list_of_techniques_is_read_without_torch():
    program = f"import sys; sys.path[:0] = [{str(WORKFLOW)!r}]; from pinnscape.techniques import catalog; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert "pinnscape.techniques.basin" in modules
    assert "torch" not in modules


@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_setting_has_a_description_and_a_default(name):
    section = schema()["properties"]["techniques"]["properties"][name]
    assert section["default"] == {}
    assert section["additionalProperties"] is False
    for key, node in section["properties"].items():
        assert "description" in node, key
        assert "default" in node, key
    assert set(complete({}, section)) == set(section["properties"])
