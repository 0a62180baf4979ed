"""Fill the tables of docs/api.md from the code: names, types, defaults, and the help of options.

python scripts/write_api_tables.py

Each table stands below a mark such as <!-- table: command evaluate -->. Descriptions of what has no
help text in the code are written on the page and stay; a new row gets TODO as its description.
"""

import inspect
import json
import re
import types
import typing
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import typer
from spacy.language import Language
from spacy.util import registry

from spacy_globalpointer.commands import app
from spacy_globalpointer.pipeline.event_factory import make_event_pointer
from spacy_globalpointer.pipeline.event_pointer import EventPointer
from spacy_globalpointer.pipeline.factory import make_global_pointer
from spacy_globalpointer.pipeline.global_pointer import GlobalPointer
from spacy_globalpointer.pipeline.pair_pointer import PairPointer
from spacy_globalpointer.pipeline.relation_factory import make_relation_pointer
from spacy_globalpointer.pipeline.relation_pointer import RelationPointer

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
TABLE = re.compile(r"(?<=<!-- table: )(.+)( -->\n+)((?:\|.*\n)*)")
# What is set as code in a help text: options, suffixes, parts of a document.
CODE = re.compile(
    r"(?<![\w`*/.-])(--[a-z][a-z.-]*\b|\.(?:spacy|txt|jsonl?|cfg|svg|html|gz)\b|doc\.\w+)"
)
Rows = dict[str, tuple[str, ...]]


def make_tables() -> dict[str, tuple[str, Rows]]:
    """Header and rows of each table, by its mark.

    A row is found by its first cell and has all others; but for a description that is on the page.
    """
    argument = "Argument | Type | Default | Description"
    setting, method = "Setting | Type | Default | Description", "Method | Description"
    tables = {
        "settings": (setting, dict(list_settings("global_pointer", make_global_pointer))),
        "methods": (method, dict(list_members(GlobalPointer.__mro__))),
        "settings relation_pointer": (
            setting,
            dict(list_settings("relation_pointer", make_relation_pointer)),
        ),
        # What they have in common with global_pointer is there.
        "methods relation_pointer": (method, dict(list_members((RelationPointer, PairPointer)))),
        "settings event_pointer": (
            setting,
            dict(list_settings("event_pointer", make_event_pointer)),
        ),
        "methods event_pointer": (method, dict(list_members((EventPointer, PairPointer)))),
    }
    for point in distribution("spacy-globalpointer").entry_points:
        group = point.group.split("_", 1)[1]
        if group not in ("factories", "cli"):
            rows = dict(list_arguments(registry.get(group, point.name)))
            tables[f"{group} {point.name}"] = argument, rows
    for name, command in typer.main.get_command(app).commands.items():
        tables[f"command {name}"] = argument, dict(list_options(command))
    return {mark: table for mark, table in tables.items() if table[1]}


def list_settings(factory: str, make: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Settings of a component."""
    defaults = Language.get_factory_meta(factory).default_config
    for name, parameter in inspect.signature(make).parameters.items():
        if name not in ("nlp", "name"):
            yield f"`{name}`", (show_type(parameter.annotation), show_default(defaults[name]))


def list_members(owners: Iterable[type]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """How each method of a component is called, and the names of its properties."""
    for owner in owners:
        if owner.__module__.startswith("spacy_globalpointer"):
            for name, member in vars(owner).items():
                if name.startswith("_"):
                    continue
                if isinstance(member, property):
                    yield f"`{name}`", ()
                elif callable(member):
                    others = list(inspect.signature(member).parameters.values())[1:]
                    bare = [x.replace(annotation=inspect.Parameter.empty) for x in others]
                    yield f"`{name}{inspect.Signature(bare)}`", ()


def list_arguments(function: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Arguments of a registered function."""
    for name, x in inspect.signature(function).parameters.items():
        default = "required" if x.default is x.empty else show_default(x.default)
        yield f"`{name}`", (show_type(x.annotation), default)


def list_options(command: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Arguments and options of a command, with their help."""
    given = inspect.signature(inspect.unwrap(command.callback)).parameters
    for x in command.params:
        is_option = x.param_type_name == "option"
        names = [*x.opts, *x.secondary_opts] if is_option else [x.name]
        kind = typing.get_args(given[x.name].annotation)[0]  # of Annotated
        how = "positional" if not is_option else "flag" if kind is bool else "option"
        default = "required" if x.required else "none"
        if x.default is not None:
            default = f"`{str(x.default).lower() if isinstance(x.default, bool) else x.default}`"
        if x.default is None and not x.required:  # the type is that of a value, if there is one
            kind = next(own for own in typing.get_args(kind) if own is not type(None))
        cells = f"{show_type(kind)} ({how})", default, CODE.sub(r"`\1`", x.help) + "."
        yield ", ".join(f"`{name}`" for name in names), cells


def show_type(annotation: Any) -> str:
    """An annotation as it is written in the code, without modules."""
    is_plain = isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias)
    text = annotation.__name__ if is_plain else re.sub(r"\w+\.(?=\w)", "", str(annotation))
    return f"`{text}`".replace("|", r"\|")


def show_default(value: Any) -> str:
    """A default as a config has it; of a registered function its name."""
    if isinstance(value, dict):
        return f"`{next(value[key] for key in value if key.startswith('@'))}`"
    return f"`{json.dumps(value)}`"


def fill_page(page: str) -> str:
    """The page with all its tables written anew.

    RAISES (ValueError): marks that are missing, or of a table that does not exist.
    """
    tables = make_tables()
    marks = [match[1] for match in TABLE.finditer(page)]
    if sorted(marks) != sorted(tables):
        odd = set(marks) ^ set(tables)
        raise ValueError(f"{PAGE.name} must have one mark for each table, was: {sorted(odd)}")
    return TABLE.sub(
        lambda match: match[1] + match[2] + write_table(match[3], *tables[match[1]]), page
    )


def write_table(old: str, header: str, rows: Rows) -> str:
    """A table in Markdown.

    old: the same table as it is on the page.
    """
    cells = [re.split(r" (?<!\\)\| ", line.strip("| \n")) for line in old.splitlines()]
    known = {row[0]: row[-1] for row in cells}
    n_columns = header.count("|") + 1
    lines = [f"| {header} |", "| --- " * n_columns + "|"]
    for name, row in rows.items():
        is_whole = len(row) == n_columns - 1
        description = () if is_whole else (known.get(name, "TODO"),)
        lines.append(f"| {' | '.join((name, *row, *description))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
