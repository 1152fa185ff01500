"""Profiles, and what jobs ask for."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

PROJECT = Path(__file__).parents[2]


def test_the_profile_for_slurm_repeats_what_the_default_one_says() -> None:
    """Snakemake takes one of the two: what makes a stage run again must not depend on where it runs."""
    default, slurm = (yaml.safe_load((PROJECT / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm"))
    assert default
    assert {key: slurm.get(key) for key in default} == default


def test_the_template_of_the_profile_is_yaml_once_it_is_filled_in() -> None:
    lines = (PROJECT / "profiles/slurm/config.yaml").read_text().splitlines()
    keys = ("default-resources:", "set-resources:", "slurm-partition-config:")
    begins = [number for number, line in enumerate(lines) if line.startswith(tuple(f"# {key}" for key in keys))]
    assert len(begins) == 3
    for begin in begins:
        for number in range(begin, len(lines)):
            if not lines[number].startswith("# "):
                break
            lines[number] = lines[number].removeprefix("# ")
    filled = yaml.safe_load("\n".join(lines))
    assert {"slurm_account", "slurm_partition", "gpu_model"} <= set(filled["default-resources"])
    assert filled["set-resources"]["train_network"] == {"mem_mb": "attempt * 8000", "runtime": 240}
    assert (PROJECT / "profiles/slurm" / filled["slurm-partition-config"]).is_file()


def needs(device: str, **wanted) -> dict:
    """What the helper of the rules says."""
    text = (PROJECT / "workflow/rules/common.smk").read_text()
    scope = {"STUDY": SimpleNamespace(device=device)}
    exec(text[text.index("def needs(") :], scope)  # noqa: S102 - the text is our own
    return scope["needs"](**wanted)


def test_a_job_that_is_tried_again_gets_twice_the_memory_and_time() -> None:
    found = needs("auto", mem_mb=2000, runtime=60)
    assert [found["mem_mb"](None, attempt=attempt) for attempt in (1, 2, 3)] == [2000, 4000, 8000]
    assert [found["runtime"](None, attempt=attempt) for attempt in (1, 2, 3)] == [60, 120, 240]


@pytest.mark.parametrize(
    ("device", "gpu", "expected"),
    [("auto", True, 1), ("cuda", True, 1), ("cpu", True, 0), ("auto", False, 0), ("cuda", False, 0), ("cpu", False, 0)],
)
def test_a_gpu_and_its_model_are_for_jobs_that_use_one(device, gpu, expected) -> None:
    found = needs(device, mem_mb=1, runtime=1, gpu=gpu)
    assert (found["gpu"], found["device"]) == (expected, device)
    # None takes a profile's default away; without the key the default holds.
    assert ("gpu_model" in found) == (expected == 0)
    assert found.get("gpu_model") is None
