"""Every block of the pages in docs runs, and their links, quotes and commands are real."""

import ast
import re
import shlex

import pytest
import spacy.errors
from pages import FENCE, PROGRAMS, ROOT, broken_links, fill_folder, run_page

DOCS = ROOT / "docs"
# The block of results.md trains for hours.
PAGES = sorted({path.stem for path in DOCS.glob("*.md")} - {"results"})
each_page = pytest.mark.parametrize("name", PAGES)


# A head that has learned a few steps finds spans nearly everywhere.
@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
@pytest.mark.filterwarnings("ignore:.*have more spans in question:UserWarning")
# spaCy leaves files to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@each_page
def test_blocks_run(name, tmp_path, tiny_bert):
    fill_folder(tmp_path, is_converted=name in ("troubleshooting", "coming-from"))
    run_page(DOCS / f"{name}.md", tmp_path, tiny_bert)


@pytest.mark.parametrize("name", [*PAGES, "results"])
def test_links_resolve(name):
    assert broken_links(DOCS / f"{name}.md") == []


def test_every_section_is_linked_at_the_top():
    for name in ("usage", "troubleshooting", "coming-from", "loop"):
        page = (DOCS / f"{name}.md").read_text(encoding="utf8")
        top, *rest = re.split(r"^## ", FENCE.sub("", page), flags=re.MULTILINE)
        assert top.count("](#") == len(rest)


def read_messages(path):
    """All strings of a module but its docstrings, with a mark where values are filled in."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf8"))))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in (node for node in nodes if id(node) not in docstrings):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^{}]*\}", "…", node.value)  # of str.format


def read_quotes():
    """The quoted lines of the page, each a part of a message."""
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf8")
    return re.findall(r"^> (.*)$", page, flags=re.MULTILINE)


def test_quoted_messages_are_those_of_the_source():
    paths = [*(ROOT / "spacy_globalpointer").rglob("*.py"), spacy.errors.__file__]
    messages = [text for path in map(type(ROOT), paths) for text in read_messages(path)]
    quotes = read_quotes()
    assert len(quotes) > 40
    for quote in quotes:
        # A name that is filled in may be quoted in the message: '…' is … too.
        wanted = re.escape(quote).replace("…", r"\W?…\W?")
        assert any(re.search(wanted, text) for text in messages), f"no message says: {quote}"


def options_of(commands):
    params = [param for command in commands for param in command.params]
    return {"--help", *(option for x in params for option in (*x.opts, *x.secondary_opts))}


@each_page
def test_commands_and_options_exist(name):
    """Of our own programs in running text; those in blocks run."""
    page = (DOCS / f"{name}.md").read_text(encoding="utf8")
    known = [command for commands in PROGRAMS.values() for command in commands.values()]
    for code in re.findall(r"`([^`]+)`", FENCE.sub("", page)):
        program = next((program for program in PROGRAMS if code.startswith(f"{program} ")), "")
        if not program and not code.startswith("--"):
            continue
        words, meant = shlex.split(code.removeprefix(program)), known
        if program and not words[0].startswith("--"):
            assert words[0] in PROGRAMS[program], code
            meant = [PROGRAMS[program][words[0]]]
        for word in words:
            if word.startswith("--") and "." not in word:
                assert word in options_of(meant), code
