"""Files of BioC: documents as objects, whether the file is XML or JSON."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from ...messages import quote, shorten
from ..reading import NUMBER

# An object of JSON, or the same of an element of XML.
Node = dict[str, Any]

# Elements that may stand several times in another, and the keys of their lists in JSON.
LISTS = {
    "passage": "passages",
    "sentence": "sentences",
    "annotation": "annotations",
    "relation": "relations",
    "location": "locations",
    "node": "nodes",
}
# Keys of the documents of a collection: BioC's, and that of the API of PubTator 3.
DOCUMENTS = ("documents", "PubTator3")
SHOWS_JSON = re.compile(rf'"(?:{"|".join(DOCUMENTS)})"\s*:\s*\[')
SHOWS_PASSAGES = re.compile(r'"passages"\s*:\s*\[')


def is_bioc(head: str) -> bool:
    """Whether a file starts as a collection, in XML or in JSON."""
    start = head.lstrip()
    if start.startswith("<"):
        return "<collection" in start
    return bool(SHOWS_JSON.search(head) and SHOWS_PASSAGES.search(head))


def read_nodes(lines: Iterable[str], name: str) -> Iterator[Node]:
    """The documents of a file, one after another.

    name: of the file, for messages.
    RAISES (ValueError): malformed XML or JSON, no collection of documents.
    """
    lines = iter(lines)
    first = next((line for line in lines if line.strip()), "")
    lines = chain([first], lines)
    yield from (_read_xml if first.lstrip().startswith("<") else _read_json)(lines, name)


def list_nodes(node: Node, key: str, source: str) -> list[Node]:
    """The objects of a list; none if there is no list.

    RAISES (ValueError): something else.
    """
    values = node.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise ValueError(
            f'{source}: "{key}" must be a list of objects, was: {shorten(values)}. Repair it'
        )
    return values


def read_number(node: Node, key: str, source: str) -> int:
    """A whole number, which XML has as a string.

    RAISES (ValueError): something else.
    """
    value = node.get(key)
    if isinstance(value, str) and re.fullmatch(rf"\s*{NUMBER}\s*", value):
        value = int(value)
    if type(value) is not int or value < 0:
        raise ValueError(
            f"{source}: {key} must be a whole number from 0, was: {quote(value)}. Repair it"
        )
    return value


def read_infons(node: Node, source: str) -> dict[str, Any]:
    """What is said of an annotation or a relation.

    RAISES (ValueError): no object.
    """
    infons = node.get("infons") or {}
    if not isinstance(infons, dict):
        raise ValueError(f'{source}: "infons" must be an object, was: {shorten(infons)}. Repair it')
    return infons


def _read_xml(lines: Iterable[str], name: str) -> Iterator[Node]:
    parser: XMLPullParser = XMLPullParser(["end"])
    n_found = 0
    try:
        for line in lines:
            parser.feed(line)
            for event in parser.read_events():
                element = event[-1] if event else None
                if isinstance(element, Element) and element.tag == "document":
                    n_found += 1
                    yield _read_element(element)
                    element.clear()
        parser.close()
    except ParseError as error:
        raise ValueError(
            f"{name}: the file must be valid XML, was: {error}, after {n_found} documents. Is it "
            "cut off? Fetch or export it again"
        ) from error
    _check_found(n_found, name)


def _read_json(lines: Iterable[str], name: str) -> Iterator[Node]:
    try:
        value = json.loads("".join(lines))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name}: the file must be valid JSON, was: {shorten(str(error))}. Is it cut off? "
            "Fetch or export it again"
        ) from error
    n_found = 0
    for collection in value if isinstance(value, list) else [value]:
        known = [key for key in DOCUMENTS if isinstance(collection, dict) and key in collection]
        for document in list_nodes(collection, known[0], name) if known else ():
            n_found += 1
            yield document
    _check_found(n_found, name)


def _check_found(n_found: int, name: str) -> None:
    if not n_found:
        raise ValueError(
            f"{name}: a file of BioC must be a collection of documents, was: one without any. "
            "Fetch or export it again"
        )


def _read_element(element: Element) -> Node:
    """The object of an element, whose attributes are keys like its children."""
    node: Node = {**element.attrib, "infons": {}}
    for child in element:
        if child.tag in LISTS:
            node.setdefault(LISTS[child.tag], []).append(_read_element(child))
        elif child.tag == "infon":
            node["infons"][child.get("key", "")] = child.text or ""
        else:
            node[child.tag] = child.text or ""
    return node
