"""Layers of WebAnno TSV 3: what the header says of columns, and what the cells of a line hold."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...messages import list_some, shorten
from ..reading import NUMBER

# A cell without annotation, and the value of an annotation that has none.
NOTHING, NULL = "_", "*"
SPANS, RELATIONS, CHAINS = "SP", "RL", "CH"
HEADER = re.compile(r"#T_(SP|RL|CH)=([^|]+)(\|.*)?")
# Features that name what a span is; else the first is taken.
LABELS = ("value", "label")
ROLE, BASE = "ROLE_", "BT_"
# Layers of every token: no entities, unless they are asked for.
LINGUISTIC = re.compile(
    r"de\.tudarmstadt\.ukp\.dkpro\.core\.api\.(lexmorph|segmentation|syntax|transform)\."
)
STACK, SLOT = "|", ";"
# A value, and numbers in brackets after it; a backslash is with what it escapes.
NUMBERED = re.compile(rf"((?:\\.|\\\Z|[^\\])*?)(?:\[({NUMBER})(?:_({NUMBER}))?\])?", re.DOTALL)
ESCAPED = re.compile(r"\\(->|.)", re.DOTALL)
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "b": "\b"}


class Layer(NamedTuple):
    """A kind of annotation, and its columns.

    kind: SPANS, RELATIONS or CHAINS.
    name: with what is before its last dot.
    features: names of its columns.
    first: of its columns, counted from 0 after those of the token.
    label: the feature that names what an annotation is; None for the name of the layer.
    """

    kind: str
    name: str
    features: tuple[str, ...]
    first: int
    label: str | None

    @property
    def short(self) -> str:
        """The name after its last dot."""
        return self.name.rpartition(".")[2]

    @property
    def slots(self) -> tuple[int, ...]:
        """Columns of roles, each before one of what has the role; from 0 in the layer."""
        return tuple(i for i, name in enumerate(self.features) if name.startswith(ROLE))

    @property
    def values(self) -> tuple[str, ...]:
        """Features that have values: no slots and their targets, no ends of relations."""
        taken = {at for slot in self.slots for at in (slot, slot + 1)}
        named = enumerate(self.features)
        return tuple(x for at, x in named if x and at not in taken and not x.startswith(BASE))

    @property
    def base(self) -> str:
        """Name of the layer that relations are between; empty for other kinds."""
        last = self.features[-1] if self.features else ""
        return last.removeprefix(BASE) if last.startswith(BASE) else ""


class LineAnnotation(NamedTuple):
    """An annotation in a line.

    number: that tells it from others of its layer, on all of its lines; None for one on one line.
    values: of the columns of its layer; NULL for none.
    """

    number: int | None
    values: tuple[str, ...]


def read_layer_line(line: str, first: int, source: str) -> Layer:
    """The layer of a line of the header.

    first: its first column.
    RAISES (ValueError): another line, a slot without the layer of what fills it.
    """
    found = HEADER.fullmatch(line)
    if not found:
        raise ValueError(
            f"{source}: a line of the header must be #T_SP=, #T_RL= or #T_CH= and a layer with its "
            f"features (#T_SP=webanno.custom.Entity|value), was: {shorten(line)}. Export it again"
        )
    features = tuple((found[3] or "|")[1:].split("|"))
    layer = Layer(found[1], found[2], features, first, None)
    for slot in layer.slots:
        if slot + 1 in (len(features), *layer.slots):
            raise ValueError(
                f"{source}: a slot must have the layer of what fills it behind it "
                "(|ROLE_webanno.custom.Frame:Roles_Link|webanno.custom.Lu), was: "
                f"{shorten(features[slot])}, without. Export it again"
            )
    label = next((name for name in LABELS if name in layer.values), None)
    return layer._replace(label=label or next(iter(layer.values), None))


def choose_layers(layers: Sequence[Layer], columns: Sequence[str], source: str) -> dict[str, Layer]:
    """The layers of spans that are read, by name.

    columns: their names, short or whole, perhaps with a dot and the feature that is the label;
        empty for all that are not linguistic.
    RAISES (ValueError): a file with layers of spans that has none of the names.
    """
    own = [layer for layer in layers if layer.kind == SPANS]
    usual = [layer for layer in own if not LINGUISTIC.match(layer.name)]
    if not columns:
        return {layer.name: layer for layer in usual}
    chosen = []
    for layer in own:
        for name in layer.values:
            if {f"{layer.short}.{name}", f"{layer.name}.{name}"} & {*columns}:
                chosen.append(layer._replace(label=name))
        if {layer.short, layer.name} & {*columns}:
            chosen.append(layer)
    if usual and not chosen:
        raise ValueError(
            f"{source}: --column must name a layer of the file, as "
            f"{list_some([layer.short for layer in own])}, was: {list_some(columns)}. Name one"
        )
    return {layer.name: layer for layer in chosen}


def list_marks(layer: Layer, cells: Sequence[str]) -> Iterator[LineAnnotation]:
    """The annotations that a line has of a layer.

    cells: of the line, after those of the token.
    """
    own = [
        split_cell(cell, STACK) for cell in cells[layer.first : layer.first + len(layer.features)]
    ]
    plain = [i for i, name in enumerate(layer.features) if not name.startswith(BASE)]
    targets = {slot + 1 for slot in layer.slots}
    for at in range(max((len(stack) for stack in own if stack != [NOTHING]), default=0)):
        values = [stack[at] if at < len(stack) else NULL for stack in own]
        number = None
        for i in plain:
            if i not in targets:
                values[i], own_number, _ = split_number(values[i])
                number = number or own_number
        yield LineAnnotation(number, tuple(values))


def split_cell(cell: str, separator: str) -> list[str]:
    """What is in a cell, at a separator that is not escaped: STACK or SLOT."""
    if "\\" not in cell:
        return cell.split(separator)
    parts = [""]
    for found in re.finditer(r"\\?.", cell, re.DOTALL):
        if found[0] == separator:
            parts.append("")
        else:
            parts[-1] += found[0]
    return parts


def split_number(value: str) -> tuple[str, int | None, int | None]:
    """A value without the numbers in brackets after it, and these; None for none, or for 0."""
    found = NUMBERED.fullmatch(value)
    assert found is not None  # anything fits
    first, second = (int(number or 0) or None for number in found.groups()[1:])
    return found[1], first, second


def unescape(value: str) -> str:
    """A value as it was before special characters were escaped."""
    return ESCAPED.sub(lambda found: ESCAPES.get(found[1], found[1]), value)
