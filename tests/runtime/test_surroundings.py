"""What surrounds a study: names of folders, homes, text from --config."""

import os

import pytest
import yaml

from runtime import surroundings


@pytest.mark.parametrize("name", ["a\\b", "a:b", "a\nb", "a\tb", "a\udcffb"])
def test_a_folder_in_which_nothing_can_work_is_named_in_one_line(name):
    found = surroundings.unusable(f"/home/{name}")
    assert found
    assert found.isprintable()
    assert found.endswith("rename it")


@pytest.mark.parametrize("name", ["My study (v2)", "'q' \"r\" & {y} [z] $HOME #1 %20 `id`; a=b, c~ *?!", "é 日本"])
def test_other_folders_are_fine(name):
    assert surroundings.unusable(f"/home/{name}") is None


@pytest.mark.parametrize("home", ["writable", "read-only", "missing", "none", "relative"])
def test_caches_are_kept_in_the_project_where_the_home_takes_none(tmp_path, monkeypatch, home):
    (tmp_path / "read-only").mkdir(mode=0o555)
    access = os.access  # root may write anywhere
    monkeypatch.setattr(os, "access", lambda path, mode: "read-only" not in str(path) and access(path, mode))
    homes = {"writable": tmp_path, "read-only": tmp_path / "read-only", "missing": tmp_path / "read-only/x", "relative": "x"}
    environment = {} if home == "none" else {"HOME": str(homes[home])}
    given = dict(environment)
    surroundings.for_jobs(tmp_path, tmp_path / ".cache", environment)
    assert environment.pop("PYTHONUTF8") == "1"
    assert environment.pop("PYTHONPATH") == str(tmp_path)
    added = {"XDG_CACHE_HOME": str(tmp_path / ".cache"), "MPLCONFIGDIR": str(tmp_path / ".cache")}
    assert environment == given | (added if home != "writable" else {})
    assert not (tmp_path / ".cache").exists(), "a dry run makes no folder"


def test_caches_that_are_set_stay(tmp_path):
    caches = {"XDG_CACHE_HOME": "/mine", "MPLCONFIGDIR": "/yours"}
    environment = {**caches, "PYTHONPATH": "workflow/logger:"}
    for _ in range(2):
        surroundings.for_jobs(tmp_path, tmp_path, environment)
    assert environment == {**caches, "PYTHONPATH": f"{tmp_path}:workflow/logger", "PYTHONUTF8": "1"}


@pytest.mark.parametrize(
    "text", ["true", "True", "TRUE", "yes", "Yes", "on", "false", "No", "OFF", "7", "-3", "1.5", "tanh", "../x", "٣"]
)
def test_text_of_the_command_line_is_read_as_yaml_reads_it(text):
    assert surroundings.read_as_yaml({"a": [text, {"b": text}]}) == {"a": [yaml.safe_load(text), {"b": yaml.safe_load(text)}]}
    assert type(surroundings.read_as_yaml(text)) is type(yaml.safe_load(text))


def test_values_that_are_none_of_text_stay():
    assert surroundings.read_as_yaml({"a": [True, 3, None, 1.5]}) == {"a": [True, 3, None, 1.5]}
    assert surroundings.read_as_yaml("1e-3") == 1e-3  # as Snakemake reads it outside of {...}


def test_what_the_command_line_gives_goes_to_its_place_and_nothing_else_changes():
    config = {"a": {"b": "true", "c": "yes"}, "d": "true", "e": 1}
    surroundings.put({"a": {"b": True}, "d": {"x": 2}, "e": 3}, config)
    assert config == {"a": {"b": True, "c": "yes"}, "d": {"x": 2}, "e": 3}
