"""docs/api.md says what the code says."""

import re
import runpy

import pytest
from pages import COMMANDS, ROOT
from samples import make_examples, make_nlp

from spacy_globalpointer.pipeline.relation_scorer import score_relations

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def read_sections(page):
    """{heading: text up to the next heading}."""
    parts = re.split(r"^#+ (.*)$", page, flags=re.MULTILINE)
    headings = parts[1::2]
    assert len(set(headings)) == len(headings), "a heading is there twice"
    return dict(zip(headings, parts[2::2], strict=True))


SECTIONS = read_sections(PAGE)


def test_tables_are_those_of_the_code():
    fill_page = runpy.run_path(str(ROOT / "scripts" / "write_api_tables.py"))["fill_page"]
    assert fill_page(PAGE) == PAGE, "to fix: python scripts/write_api_tables.py"
    undescribed = [line for line in PAGE.splitlines() if line.endswith((" TODO |", "|  |"))]
    assert not undescribed


def read_names(section):
    """The names of scores in the table of a section."""
    rows = re.findall(r"^\| (`.*`) \| \w", SECTIONS[section], flags=re.MULTILINE)
    return sorted(re.findall(r"`(\w+)`", " ".join(rows)))


@pytest.mark.filterwarnings("ignore:nothing was scored")
def test_scores_are_those_of_the_scorers():
    nlp = make_nlp(annotate_ents=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for example in examples:
        example.reference.ents = []
    assert read_names("span_scorer.v1") == sorted(nlp.get_pipe("global_pointer").score(examples))
    assert read_names("relation_scorer.v1") == sorted(score_relations(examples))


def test_each_command_has_a_section_and_a_link():
    after = list(SECTIONS)[list(SECTIONS).index("Commands") + 1 :]
    assert after == list(COMMANDS)
    for name in after:
        assert f"[{name}](#{name})" in SECTIONS["API"], f"docs/api.md lacks a link to '{name}'"
        codes = re.findall(r"^\| (\d+) \|", SECTIONS[name], flags=re.MULTILINE)
        assert codes[:3] == ["0", "1", "2"], f"docs/api.md: exit codes of '{name}'"
