"""HTML as a tree, to look at pages with ElementTree's queries."""

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

VOID = {"meta", "br", "link", "input", "img"}


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.builder = ET.TreeBuilder()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.builder.start(tag, dict(attrs))
        if tag in VOID:
            self.builder.end(tag)
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> without its beginning"
        self.builder.end(tag)

    def handle_data(self, data):
        self.builder.data(data)


def parse(page):
    """The root of a page; an element that is not closed is an error."""
    parser = _Parser()
    parser.feed(page.removeprefix("<!DOCTYPE html>\n"))
    parser.close()
    assert not parser.open
    return parser.builder.close()


def classes(element):
    return set((element.get("class") or "").split())


def having(root, name):
    """All elements of a class, in order."""
    return [element for element in root.iter() if name in classes(element)]


def text(element):
    return " ".join("".join(element.itertext()).split())
