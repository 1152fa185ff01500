"""Captions of the report: they render as Snakemake renders them, and Docutils has nothing to say about them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from pinnscape.techniques.catalog import TECHNIQUES

PROJECT = Path(__file__).parents[2]
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((PROJECT / "workflow/report").glob("*.rst"))}
TEXTS |= {name: technique.caption.replace("{case}", "poisson1d") for name, technique in TECHNIQUES.items()}


def rendered(text: str) -> str:
    """The caption of a job as the report has it; any message of Docutils is an error."""
    job = SimpleNamespace(
        wildcards=SimpleNamespace(case="poisson1d", sweep="width"),
        config={},
        params=SimpleNamespace(seed=0, caption="A *caption*.", setting="network.width"),
        input=[],
        output=[],
    )
    filled = Environment(undefined=StrictUndefined).from_string(text).render(snakemake=job, categories={}, files={})
    return publish_parts(filled, writer="html", settings_overrides={"report_level": 1, "halt_level": 1})["body"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_caption_renders_without_a_message(text):
    body = rendered(text)
    assert "<p>" in body
    assert "system-message" not in body


def test_a_caption_of_every_rule_is_there():
    assert len(TEXTS) > 30


@pytest.mark.parametrize("text", ["the share |R|/|H| of it", "a *star", "an `unfinished role", "Title\n=="])
def test_what_docutils_complains_about_is_found(text):
    with pytest.raises(Exception, match=r"\((ERROR|WARNING|INFO)"):
        rendered(text)
