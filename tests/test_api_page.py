"""docs/api.md says what the code says."""

import re
import runpy

from pages import COMMANDS, ROOT
from samples import make_examples, make_nlp

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


def test_scores_are_those_of_the_scorer():
    nlp = make_nlp(annotate_ents=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for example in examples:
        example.reference.ents = []
    rows = re.findall(r"^\| (`.*`) \| \w", SECTIONS["span_scorer.v1"], flags=re.MULTILINE)
    names = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(names) == sorted(nlp.get_pipe("global_pointer").score(examples))


def test_each_command_has_a_section_and_a_link():
    after = list(SECTIONS)[list(SECTIONS).index("Commands") + 1 :]
    assert after == list(COMMANDS)
    for name in after:
        assert f"[{name}](#{name})" in SECTIONS["API"], f"docs/api.md lacks a link to '{name}'"
        codes = re.findall(r"^\| (\d+) \|", SECTIONS[name], flags=re.MULTILINE)
        assert codes[:3] == ["0", "1", "2"], f"docs/api.md: exit codes of '{name}'"
