"""Each technique is a module with settings and a figure."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pinnscape.study.configuration import TechniqueSettings
from pinnscape.techniques import catalog
from pinnscape.techniques.catalog import TECHNIQUES

WORKFLOW = Path(__file__).parents[2] / "workflow"


def test_the_configuration_has_a_section_for_every_technique():
    assert set(TechniqueSettings.model_fields) - {"without"} == set(TECHNIQUES)


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
    settings = catalog.module(name).Settings
    assert settings().plain()  # all defaults together
    for key, field in settings.model_fields.items():
        assert field.description, key
        assert not field.is_required(), key
