"""The list of techniques, the schema, the scripts, figures, captions and tables name the same ones."""

from pathlib import Path

import pytest

from pinnscape.config.schema import complete, schema
from pinnscape.config.techniques import TECHNIQUES
from pinnscape.tables.techniques import _MODULES

WORKFLOW = Path(__file__).parents[1] / "workflow"


def test_schema_and_tables_know_every_technique():
    section = schema()["properties"]["techniques"]["properties"]
    assert set(section["without"]["items"]["enum"]) == set(TECHNIQUES)
    assert set(section) - {"without"} == set(TECHNIQUES)
    assert set(_MODULES) >= set(TECHNIQUES)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_has_its_files(name):
    for path in (f"scripts/{name}.py", f"scripts/figure_{name}.py", f"pinnscape/figures/{name}.py", f"report/{name}.rst"):
        assert (WORKFLOW / path).is_file(), path
    assert callable(getattr(_MODULES[name], name))


@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_setting_has_a_description_and_a_default(name):
    section = schema()["properties"]["techniques"]["properties"][name]
    assert section["default"] == {}
    assert section["additionalProperties"] is False
    for key, node in section["properties"].items():
        assert "description" in node, key
        assert "default" in node, key
    assert set(complete({}, section)) == set(section["properties"])
