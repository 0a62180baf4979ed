"""BioC, in XML and in JSON: documents of passages, whose annotations have offsets in the document.

Source: Comeau et al. 2013, https://doi.org/10.1093/database/bat064, and its BioC.dtd.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...messages import quote
from ..reading import Reading
from ..record import Record
from ..text_files import read_lines
from .bioc_files import Node, list_nodes, read_infons, read_nodes, read_number
from .standoff import Connection, Standoff

# INCEpTION writes the name of the layer, as of a class of Java, as the type.
LAYER = re.compile(r"\w+(\.\w+)+")
LABELS, VALUE, TRIGGER = ("type", "relation"), "value", "trigger"
NO_PLACE = "An annotation without a place"
NO_LABEL = "An annotation or a relation without a type"
NO_NODES = "A relation of concepts, or of fewer than two annotations"


class Block(NamedTuple):
    """A text with an offset of its own: of a passage, or of a sentence.

    offset (characters): as the file counts.
    start (characters): in the text of the record.
    """

    offset: int
    start: int
    text: str


class Section(NamedTuple):
    """A document, passage or sentence, and the blocks that its annotations are most likely in.

    number: of the passage; 0 for the document.
    """

    node: Node
    number: int
    blocks: tuple[Block, ...]


def read_bioc(path: Path, reading: Reading) -> Iterator[Record]:
    """Records of a file, one for each document.

    <collection><document><id>1</id>
      <passage><offset>0</offset><text>Ada has a headache.</text>
        <annotation id="T1"><infon key="type">Person</infon>
          <location offset="0" length="3"/><text>Ada</text></annotation>
        <annotation id="T2"><infon key="type">Disease</infon>
          <location offset="10" length="8"/><text>headache</text></annotation>
        <relation id="R1"><infon key="type">has</infon>
          <node refid="T1" role=""/><node refid="T2" role=""/></relation>
      </passage></document></collection>

    Passages become lines of one text. The label is the infon "type" (or the first of
    reading.columns), or "value" where the type is the name of a layer, or the only infon. A
    relation of two annotations is a relation; one with a trigger, or of more, is an event. Left out
    are discontinuous spans, other infons, annotations without a place or a label, and relations of
    concepts. If any document has relations, or events, those without are annotated with none.

    RAISES (ValueError): malformed XML or JSON, a missing offset, a location in no passage, a
        mention that is not there, an id that nothing has.
    """
    texts = []
    keys = reading.columns or LABELS
    for number, document in enumerate(read_nodes(read_lines(path), str(path)), start=1):
        source = f"{path} document {document.get('id') or number}"
        texts.append(_read_document(document, keys, source))
    connections = [connection for text in texts for connection in text.connections.values()]
    has_relations = any(connection.is_relation for connection in connections)
    has_events = any(not connection.is_relation for connection in connections)
    for text in texts:
        yield text.build(has_relations=has_relations, has_events=has_events)


def _read_document(document: Node, keys: Sequence[str], source: str) -> Standoff:
    passages = list_nodes(document, "passages", source)
    text = ""
    parts: list[Section] = []
    for number, passage in enumerate(passages, start=1):
        text += "\n" if number > 1 else ""
        sentences = list_nodes(passage, "sentences", source)
        own: list[Block] = []
        for node in (passage, *sentences) if not passage.get("text") else (passage,):
            if node.get("text"):
                block, gap = _read_block(node, len(text), own, source)
                text += gap + block.text
                own.append(block)
        parts += [Section(node, number, tuple(own)) for node in (passage, *sentences)]
    standoff = Standoff(text, source)
    blocks = tuple(block for part in parts for block in part.blocks)
    parts.append(Section(document, 0, ()))
    for part in parts:
        for node in list_nodes(part.node, "annotations", source):
            _add_annotation(standoff, node, keys, part, blocks)
    for part in parts:
        for node in list_nodes(part.node, "relations", source):
            _add_relation(standoff, node, keys, part)
    return standoff


def _read_block(node: Node, length: int, own: list[Block], source: str) -> tuple[Block, str]:
    """The block of a passage or sentence, and the white space before it.

    length: of the text before.
    own: blocks of the same passage before.
    """
    text = node["text"]
    if not isinstance(text, str):
        raise ValueError(f'{source}: "text" must be a string, was: {quote(text)}. Repair it')
    offset = read_number(node, "offset", source)
    gap = " " * max(0, offset - own[-1].offset - len(own[-1].text)) if own else ""
    return Block(offset, length + len(gap), text), gap


def _add_annotation(
    standoff: Standoff, node: Node, keys: Sequence[str], part: Section, blocks: tuple[Block, ...]
) -> None:
    id = _name(standoff, node, part, "annotation")
    source = f"{standoff.source} annotation {id}"
    label = _read_label(standoff, node, keys, id)
    locations = list_nodes(node, "locations", source)
    if label is None or not locations:
        standoff.places[id] = None
        standoff.drop(NO_PLACE if label else NO_LABEL, id)
        return
    pieces = [_place(location, (*part.blocks, *blocks), source) for location in locations]
    standoff.add_span(id, pieces, label, str(node.get("text") or "").strip() or None)


def _place(location: Node, blocks: tuple[Block, ...], source: str) -> tuple[int, int]:
    """Start and end (exclusive) of a location in the text of the record."""
    offset, length = (read_number(location, key, source) for key in ("offset", "length"))
    for block in blocks:
        if block.offset <= offset and offset + length <= block.offset + len(block.text):
            start = block.start + offset - block.offset
            return start, start + length
    raise ValueError(
        f"{source}: a location must lie in the text of a passage, was: offset {offset} and "
        f"length {length}. Offsets count characters from the start of the document: repair them"
    )


def _add_relation(standoff: Standoff, node: Node, keys: Sequence[str], part: Section) -> None:
    id = _name(standoff, node, part, "relation")
    label = _read_label(standoff, node, keys, id)
    nodes = list_nodes(node, "nodes", f"{standoff.source} relation {id}")
    members = [
        (str(member.get("role") or ""), _find(standoff, str(member.get("refid")), part))
        for member in nodes
    ]
    triggers = [ref for role, ref in members if role.lower() == TRIGGER]
    others = tuple((role, ref) for role, ref in members if role.lower() != TRIGGER)
    if label is None or (not triggers and len(others) < 2):
        standoff.drop(NO_NODES if label else NO_LABEL, id)
        return
    standoff.add_connection(Connection(id, label, others, triggers[0] if triggers else None))


def _name(standoff: Standoff, node: Node, part: Section, kind: str) -> str:
    """The id of an annotation or relation: its own, unless another passage has the same."""
    own = str(node.get("id") or f"{kind} {len(standoff.places) + len(standoff.connections) + 1}")
    return f"{own} of passage {part.number}" if own in standoff.places else own


def _find(standoff: Standoff, id: str, part: Section) -> str:
    """The id that a reference from a passage means."""
    near = f"{id} of passage {part.number}"
    return near if near in standoff.places else id


def _read_label(standoff: Standoff, node: Node, keys: Sequence[str], id: str) -> str | None:
    """The first infon of some keys that is there, None for none; the others are counted."""
    infons = read_infons(node, f"{standoff.source} {id}")
    key = next((key for key in keys if infons.get(key)), None)
    if key and VALUE in infons and LAYER.fullmatch(str(infons[key])):
        key = VALUE
    elif key is None and len(infons) == 1:
        (key,) = infons
    for other in infons:
        if other != key:
            standoff.drop(f"Infon {other}", id)
    return str(infons[key]) if key and infons[key] else None
