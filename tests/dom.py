"""HTML as a tree, to look at pages with ElementTree's queries, and what is drawn in it."""

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


def read_text(panel):
    """The text of a panel, as a reader sees it, without the labels."""
    (spans,) = having(panel, "text")
    words = [having(token, "word")[0].text + (token.tail or "") for token in spans]
    return (spans.text or "") + "".join(words)


def read_lines(panel):
    """Sorted (start, end, title) in characters of the lines drawn in a panel."""
    drawn, starts, at = {}, {}, 0
    for token in having(panel, "token"):
        rows = [int(bar.get("style").split(": ")[1]) for bar in having(token, "bar")]
        assert len(set(rows)) == len(rows), "two lines in one place"
        assert min(rows) > 1, "a line in the row of the words"
    (spans,) = having(panel, "text")
    for child, outside in [(None, spans.text or ""), *((c, c.tail or "") for c in spans)]:
        if child is not None:
            (word,) = having(child, "word")
            for bar in having(child, "bar"):
                place = bar.get("style"), bar.get("title")
                starts.setdefault(place, at)
                drawn[(starts[place], *place)] = at + len(word.text) - ("spaced" in classes(bar))
            open_now = {(bar.get("style"), bar.get("title")) for bar in having(child, "bar")}
            starts = {place: start for place, start in starts.items() if place in open_now}
            at += len(word.text)
        at += len(outside)
    return sorted((start, end, title) for (start, _, title), end in drawn.items())
