"""WebAnno TSV 3, as WebAnno and INCEpTION write it: a line for each token, columns for each layer.

Source: https://inception-project.github.io, user guide, "WebAnno TSV 3.3 File format".
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from ...messages import list_some, shorten
from ..record import Record
from .standoff import UNREAD_SPAN, Connection, Standoff
from .webanno_layers import (
    CHAINS,
    NOTHING,
    NULL,
    RELATIONS,
    ROLE,
    SLOT,
    SPANS,
    Layer,
    LineAnnotation,
    choose_layers,
    list_marks,
    split_cell,
    split_number,
    unescape,
)
from .webanno_lines import TokenLine, read_export

# A slot may be filled by spans of any layer.
ANY = "uima.tcas.Annotation"
# Number of a chain, and of a link in it.
LINK = re.compile(r"(?<!\\)->(\d+-\d+)$")
NO_CHARACTERS = "A span of no characters"


def read_webanno(
    lines: Iterable[str], name: str, *, columns: Sequence[str] = ()
) -> Iterator[Record]:
    r"""The record of a file, whose tokens are kept.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value
    #T_RL=webanno.custom.Relation|value|BT_de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity

    #Text=Ada Lovelace lived in London.
    1-1     0-3     Ada       PER[1]  _    _
    1-2     4-12    Lovelace  PER[1]  _    _
    1-3     13-18   lived     _       _    _
    1-4     19-21   in        _       _    _
    1-5     22-28   London    LOC     in   1-1[1_0]
    1-6     28-29   .         _       _    _

    The label is the feature named value or label, or the first one, or the name of the layer where
    there is no value. A span with slots for others is an event. Linguistic layers (parts of speech,
    lemmas, dependencies and the like) are left out, and so are other features and chains.

    columns: layers to read, as in `choose_layers`; empty for all that are not linguistic.
    RAISES (ValueError): another line, a token that is not at its offsets, an end of a relation that
        is not annotated.
    """
    export = read_export(lines, name)
    layers, text, units = export.layers, export.text, export.units
    standoff = Standoff(text, name)
    chosen = choose_layers(layers, columns, name)
    has_relations = has_events = False
    for layer in layers:
        if layer.kind == SPANS:
            _add_spans(standoff, units, chosen.get(layer.name, layer), layer.name in chosen)
    for layer in layers:
        if layer.kind == RELATIONS:
            has_relations |= layer.base in (*chosen, ANY)
            _add_relations(standoff, units, layer, chosen)
        elif layer.kind == CHAINS:
            _drop_links(standoff, units, layer)
        elif layer.name in chosen and layer.slots:
            has_events = True
            _add_events(standoff, units, chosen[layer.name], chosen)
    record = standoff.build(has_relations=has_relations, has_events=has_events)
    words = tuple(unit.text for unit in units if not unit.is_part and unit.text.strip())
    yield replace(record, words=words)


def is_webanno(head: str) -> bool:
    """Whether the first line names the format."""
    return head.startswith("#FORMAT=WebAnno TSV")


def _name(layer: Layer, unit: str, number: int | None, at: int = 0) -> str:
    """The id of an annotation: its number in its layer, or the line it is alone on."""
    if number is not None:
        return f"{layer.short}[{number}]"
    return f"{layer.short} {unit}" + (f" ({at + 1})" if at else "")


def _add_spans(standoff: Standoff, units: Sequence[TokenLine], layer: Layer, is_read: bool) -> None:
    """Add the spans of a layer, or count them."""
    pieces: dict[str, list[tuple[int, int]]] = {}
    first: dict[str, LineAnnotation] = {}
    for unit in units:
        for at, mark in enumerate(list_marks(layer, unit.cells)):
            id = _name(layer, unit.id, mark.number, at)
            pieces.setdefault(id, []).append((unit.start, unit.end))
            _check_label(layer, first.setdefault(id, mark), mark, f"{standoff.source}: {id}")
    for id, mark in first.items():
        if not is_read:
            standoff.drop(f"An annotation of layer {layer.short}", id)
            continue
        _drop_features(standoff, layer, mark, id)
        filled = [(start, end) for start, end in pieces[id] if start < end]
        if filled:
            standoff.add_span(id, filled, _label(layer, mark), None)
        else:
            standoff.places[id] = None
            standoff.drop(NO_CHARACTERS, id)


def _check_label(layer: Layer, first: LineAnnotation, mark: LineAnnotation, source: str) -> None:
    """Refuse an annotation whose lines say different things."""
    labels = [_label(layer, first), _label(layer, mark)]
    if labels[0] != labels[1]:
        raise ValueError(
            f"{source} must have the same label on all of its lines, was: {list_some(labels)}. "
            "Give the second one a number of its own, or export it again"
        )


def _label(layer: Layer, mark: LineAnnotation) -> str:
    """The feature that names what an annotation is, or the name of its layer."""
    value = mark.values[layer.features.index(layer.label)] if layer.label else NULL
    return layer.short if value in (NULL, NOTHING) else unescape(value)


def _drop_features(standoff: Standoff, layer: Layer, mark: LineAnnotation, id: str) -> None:
    """Count the values of an annotation that are not its label."""
    for name, value in zip(layer.features, mark.values, strict=True):
        if name in layer.values and name != layer.label and value not in (NULL, NOTHING):
            standoff.drop(f"Feature {name} of layer {layer.short}", id)


def _resolve(
    standoff: Standoff, layers: Collection[Layer], unit: str, number: int | None
) -> str | None:
    """The id of an annotation in one of some layers; None if there is none."""
    for layer in layers:
        id = _name(layer, unit, number)
        if id in standoff.places:
            return id
    return None


def _add_relations(
    standoff: Standoff, units: Sequence[TokenLine], layer: Layer, chosen: dict[str, Layer]
) -> None:
    bases = [chosen[layer.base]] if layer.base in chosen else []
    if layer.base == ANY:
        bases = [*chosen.values()]
    for unit in units:
        for at, mark in enumerate(list_marks(layer, unit.cells)):
            id = _name(layer, unit.id, None, at)
            if not bases:
                standoff.drop(f"A relation of layer {layer.short}, of spans that are not read", id)
                continue
            source, *numbers = split_number(mark.values[-1])
            ends = [
                _resolve(standoff, bases, *end)
                for end in zip((source, unit.id), numbers, strict=True)
            ]
            if None in ends:
                raise ValueError(
                    f"{standoff.source}: {id} must be between annotations of layer "
                    f"{layer.base.rpartition('.')[2]}, was: {shorten(mark.values[-1])} and "
                    f"{unit.id}, of which one has none. Repair the line, or export it again"
                )
            _drop_features(standoff, layer, mark, id)
            head, child = ends
            members = (("", head or ""), ("", child or ""))
            standoff.add_connection(Connection(id, _label(layer, mark), members))


def _add_events(
    standoff: Standoff, units: Sequence[TokenLine], layer: Layer, chosen: dict[str, Layer]
) -> None:
    """Add what fills the slots of the spans of a layer, which are triggers."""
    seen = set()
    for unit in units:
        for at, mark in enumerate(list_marks(layer, unit.cells)):
            trigger = _name(layer, unit.id, mark.number, at)
            if trigger in seen:
                continue
            seen.add(trigger)
            members: list[tuple[str, str]] = []
            for slot in layer.slots:
                members += _list_members(standoff, layer, mark, slot, chosen, unit)
            id = f"{trigger} with its slots"
            standoff.add_connection(Connection(id, _label(layer, mark), tuple(members), trigger))


def _list_members(
    standoff: Standoff,
    layer: Layer,
    mark: LineAnnotation,
    slot: int,
    chosen: dict[str, Layer],
    unit: TokenLine,
) -> Iterator[tuple[str, str]]:
    """Roles and ids of what fills a slot.

    slot: its column in the layer.
    """
    target = layer.features[slot + 1]
    bases = [layer for name, layer in chosen.items() if target in (name, ANY)]
    roles = split_cell(mark.values[slot], SLOT)
    places = split_cell(mark.values[slot + 1], SLOT)
    if roles == [NOTHING]:
        return
    default = layer.features[slot].removeprefix(ROLE).partition(":")[2].partition("_")[0]
    for role, place in zip(roles, places, strict=False):
        place, number, _ = split_number(place)
        id = _resolve(standoff, bases, place, number)
        if id is not None:
            yield (default if role == NULL else unescape(role)), id
        elif target in chosen:
            raise ValueError(
                f"{standoff.source}: a slot of {unit.id} must be filled by an annotation of layer "
                f"{target.rpartition('.')[2]}, was: {shorten(mark.values[slot + 1])}, which has "
                "none. Repair the line, or export it again"
            )
        else:
            standoff.drop(UNREAD_SPAN, f"{layer.short} {unit.id}")


def _drop_links(standoff: Standoff, units: Sequence[TokenLine], layer: Layer) -> None:
    """Count the links of a layer of chains."""
    links = {
        found[1]: unit.id
        for unit in reversed(units)
        for mark in list_marks(layer, unit.cells)
        for value in mark.values
        if (found := LINK.search(value))
    }
    for link, unit in links.items():
        standoff.drop(f"A link of a chain of layer {layer.short}", f"{link} at {unit}")
