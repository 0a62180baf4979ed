"""docs/api.md says what the code says: every name once, with its type and default."""

import ast
import configparser
import inspect
import json
import re
import typing

import pytest
import spacy
from pages import COMMANDS, ROOT
from samples import make_examples, make_nlp
from spacy.language import Language
from spacy.util import registry

from spacy_globalpointer.pipeline.factory import make_global_pointer
from spacy_globalpointer.pipeline.global_pointer import GlobalPointer

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf8")
NAME = "spacy_globalpointer"


def read_sections(page):
    """{heading: text up to the next heading}."""
    parts = re.split(r"^#+ (.*)$", page, flags=re.MULTILINE)
    headings = parts[1::2]
    assert len(set(headings)) == len(headings), "a heading is there twice"
    return dict(zip(headings, parts[2::2], strict=True))


SECTIONS = read_sections(PAGE)


def read_table(heading, first, what):
    """Rows of the table of a section whose first column has a name.

    what: is described there; for the message if nothing does.
    """
    assert heading in SECTIONS, f"docs/api.md must have a section '{heading}' for {what}"
    lines = SECTIONS[heading].splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(f"| {first} |")]
    assert len(starts) == 1, f"docs/api.md: '{heading}' must have a table '{first}' for {what}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == lines[starts[0]].count("|") - 1, f"'{heading}' has the row: {line}"
        assert cells[-1], f"'{heading}' says nothing of {cells[0]}"
        rows.append(cells)
    names = [row[0] for row in rows]
    assert len(set(names)) == len(names), f"'{heading}' has a row twice: {names}"
    return rows


def show_type(annotation):
    """An annotation as it is written: Optional[int], not typing.Optional[int]."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return re.sub(r"[\w.]+\.(\w+)", r"\1", str(annotation))


def show_default(value):
    """A default as it stands in a config; of a registered function its name."""
    if isinstance(value, dict):
        return next(value[key] for key in value if key.startswith("@"))
    return json.dumps(value)


def compare(heading, rows, expected):
    """Compare rows with what they must say.

    expected: {first cell: all others but the description}.
    """
    shown = {row[0]: tuple(row[1:-1]) for row in rows}
    missing, extra = sorted(expected.keys() - shown), sorted(shown.keys() - expected)
    assert not missing, f"docs/api.md: '{heading}' lacks {missing}"
    assert not extra, f"docs/api.md: '{heading}' lists what does not exist: {extra}"
    for name, cells in expected.items():
        assert shown[name] == cells, f"docs/api.md: '{heading}', {name}"


def test_settings():
    defaults = Language.get_factory_meta("global_pointer").default_config
    spacy.blank("en").add_pipe("global_pointer")  # they make a component
    given = inspect.signature(make_global_pointer).parameters
    expected = {
        f"`{name}`": (
            f"`{show_type(parameter.annotation)}`",
            f"`{show_default(defaults[name])}`",
        )
        for name, parameter in given.items()
        if name not in ("nlp", "name")
    }
    assert len(expected) == len(defaults)
    compare("Settings", read_table("Settings", "Setting", "the factory"), expected)


def public_members():
    """{how a method is called, or the name of a property} of the classes of this package."""
    for owner in GlobalPointer.__mro__:
        if owner.__module__.startswith(NAME):
            for name, member in vars(owner).items():
                if not name.startswith("_"):
                    yield name if isinstance(member, property) else name + show_call(member)


def show_call(function):
    """Arguments of a method and their defaults, without annotations."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    empty = inspect.Parameter.empty
    return str(inspect.Signature([x.replace(annotation=empty) for x in parameters]))


def test_methods():
    rows = read_table("Methods", "Method", "the component")
    compare("Methods", rows, {f"`{member}`": () for member in public_members()})


def registered():
    """(registry, name) of every entry point that takes arguments in a config."""
    setup = configparser.ConfigParser(delimiters=["="])
    setup.optionxform = str
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    for group, lines in setup["options.entry_points"].items():
        if group not in ("spacy_factories", "spacy_cli"):
            for line in lines.split("\n"):
                if line.strip():
                    yield group.split("_")[1], line.split("=")[0].strip()


@pytest.mark.parametrize(("group", "name"), list(registered()))
def test_registered_functions(group, name):
    heading = name.removeprefix(f"{NAME}.")
    assert f"`{name}`" in SECTIONS.get(heading, ""), f"docs/api.md must have a section '{heading}'"
    parameters = inspect.signature(registry.get(group, name)).parameters.values()
    if not parameters:
        assert "has no arguments" in SECTIONS[heading]
        return
    expected = {}
    for x in parameters:
        default = "required" if x.default is x.empty else f"`{show_default(x.default)}`"
        expected[f"`{x.name}`"] = (f"`{show_type(x.annotation)}`", default)
    compare(heading, read_table(heading, "Argument", name), expected)


def test_scores():
    nlp = make_nlp(annotate_ents=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for example in examples:
        example.reference.ents = []
    rows = read_table("span_scorer.v1", "Score", "the scorer")
    names = [[name] for row in rows for name in row[0].split(", ")]
    scores = nlp.get_pipe("global_pointer").score(examples)
    compare("span_scorer.v1", [[*name, ""] for name in names], {f"`{key}`": () for key in scores})


def describe(parameter, annotation):
    """First cell, type and default of an argument or option."""
    kind = show_type(annotation)
    if parameter.param_type_name == "argument":
        names, how = [parameter.name], "positional"
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
        how = "flag" if kind == "bool" else "option"
    default = parameter.default
    shown = str(default).lower() if isinstance(default, bool) else default
    shown = "required" if parameter.required else "none" if default is None else f"`{shown}`"
    return ", ".join(f"`{name}`" for name in names), (f"`{kind}` ({how})", shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name):
    what = f"the command `spacy global-pointer {name}`"
    rows = read_table(name, "Argument", what)
    command = COMMANDS[name]
    given = inspect.signature(inspect.unwrap(command.callback)).parameters
    expected = dict(describe(x, given[x.name].annotation) for x in command.params)
    compare(name, rows, expected)


def exit_codes(module):
    """What `typer.Exit(...)` and `exits=...` say in a module."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call):
            exits = [x.value for x in node.keywords if x.arg == "exits"]
            if ast.unparse(node.func) == "typer.Exit":
                exits += node.args
            for value in exits:
                ends = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                yield from (end.value for end in ends if isinstance(end, ast.Constant))


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_codes(name):
    rows = read_table(name, "Exit code", f"the command `spacy global-pointer {name}`")
    module = inspect.getmodule(inspect.unwrap(COMMANDS[name].callback))
    # 2 is what typer gives for options that it cannot read.
    codes = {str(code): () for code in (0, 2, *exit_codes(module))}
    compare(name, [[row[0], row[1]] for row in rows], codes)


def test_sections_of_commands():
    """None is of a command that is gone, and all are linked at the top of the page."""
    after = list(SECTIONS)[list(SECTIONS).index("Commands") + 1 :]
    groups = {name.split()[0] for name in COMMANDS}
    gone = set(after) - groups - set(COMMANDS)
    assert not gone, f"docs/api.md describes commands that do not exist: {sorted(gone)}"
    for name in groups:
        assert f"[{name}](#{name})" in SECTIONS["API"], f"docs/api.md lacks a link to '{name}'"
