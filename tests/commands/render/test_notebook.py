"""`render` and `heat_map` in Python: what notebooks show is what the command draws."""

import html
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
import spacy
from dom import having, parse, text
from samples import make_examples, make_nlp, train
from spacy.tokens import Doc, Span

import spacy_globalpointer
from spacy_globalpointer import (
    Argument,
    Event,
    Relation,
    heat_map,
    render,
    set_events,
    set_relations,
)
from spacy_globalpointer.commands.render.page import Page
from spacy_globalpointer.commands.render.pipeline import read_scores

BAD = "<script>alert('&\"')</script>"
WORDS = ["Ada", "met", BAD, "in", "Ulm", "."]


def make_doc(words=WORDS, spans=((0, 1, "PER"), (0, 3, "X"), (1, 2, "Meet"), (4, 5, "GPE"))):
    doc = Doc(spacy.blank("en").vocab, words=words)
    doc.spans["sc"] = [Span(doc, *span) for span in spans]
    return doc


def make_joined():
    """A document with nested spans, a relation and an event, and names that are no HTML."""
    doc = make_doc(spans=((0, 1, "PER"), (0, 3, BAD), (1, 2, "Meet"), (4, 5, "GPE")))
    person, _, met, place = doc.spans["sc"]
    set_relations(doc, [Relation(person, place, BAD, 0.75)])
    set_events(doc, [Event("Meet", met, (Argument(BAD, person),), 0.5)])
    return doc


@pytest.fixture(scope="module")
def nlp():
    nlp = make_nlp()
    train(nlp, make_examples(nlp))
    return nlp


def unframe(picture):
    """The page that is in the frame that a notebook gets."""
    shown = picture._repr_html_()
    (frame,) = parse(f"<div>{shown}</div>").iter("iframe")
    assert frame.get("sandbox") == "allow-same-origin"
    return frame.get("srcdoc")


def test_spans_relations_and_events_are_drawn():
    root = parse(render(make_joined()))
    boxes = [box.get("title") for box in having(root, "box")]
    assert boxes == [f"{BAD}: Ada met {BAD}", "PER: Ada", "Meet: met; event 1", "GPE: Ulm"]
    assert {run.get("title") for run in having(root, "run")} == {
        f"{BAD} 0.750: Ada → Ulm",
        f"Meet 1, {BAD}: met → Ada",
    }
    (table,) = having(root, "event-table")
    assert text(table) == f"1 Meet met {BAD} Ada 0.500"
    assert not list(root.iter("script"))


def test_a_notebook_shows_the_page_and_nothing_of_it_runs():
    page = render(make_joined())
    assert unframe(page) == page
    assert "<script" not in page
    assert "<script" not in page._repr_html_()
    assert repr(page) == f"<Picture of {len(page):,} characters>"
    assert isinstance(page, str)


def test_a_picture_stands_in_a_frame_whatever_it_says():
    doc = make_doc(["\"><img src=x onerror='x'>", "&quot;"], [])
    page = render(doc)
    assert unframe(page) == page
    assert not list(parse(page).iter("img"))


def test_it_is_light_and_dark():
    page = render(make_doc())
    assert "@media (prefers-color-scheme: dark)" in page
    assert '<meta name="color-scheme" content="light dark">' in page


def test_one_document_has_no_heading_or_counts_unless_there_is_a_title():
    root = parse(render(make_doc()))
    assert [text(x) for x in root.iter() if x.tag in ("h1", "h2", "p", "ul")] == []
    titled = parse(render(make_doc(), title="My <text>"))
    assert text(titled.find(".//h1")) == "My <text>"
    assert text(titled.find(".//body/p")) == "documents: 1; spans: 4 predicted"
    several = parse(render([make_doc(), make_doc()]))
    assert [text(x) for x in several.iter("h2")] == ["1", "2"]


def test_gold_is_compared():
    doc, gold = make_doc(), make_doc(spans=((0, 1, "PER"), (3, 4, "X")))
    root = parse(render(doc, gold))
    assert [text(x) for x in root.iter("h3")] == ["predicted", "gold"]
    (check,) = having(root, "check")
    assert text(check).startswith("2 gold, 4 predicted, 1 right; missed X in; wrong")


def test_the_command_draws_the_same(nlp):
    doc = nlp("The University of Ulm hired Anna Berg.")
    page = Page()
    page.add(1, doc, read_scores(doc.spans["sc"]), None)
    assert render(doc, title="a") == page.html("a", [])


def test_entities_and_other_groups():
    doc = make_doc(spans=())
    doc.ents = [Span(doc, 0, 1, "PER")]
    doc.spans["mine"] = [Span(doc, 4, 5, "GPE")]
    for key, title in ((None, "PER: Ada"), ("mine", "GPE: Ulm")):
        (label,) = having(parse(render(doc, spans_key=key)), "label")
        assert label.get("title") == title


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: render([]), "documents must have tokens, was: 0 documents"),
        (lambda: render(make_doc([], [])), "of which without: 1. To fix: leave empty"),
        (lambda: render(make_doc(), spans_key="x"), "in the group 'x', but all groups there are"),
        (lambda: render(make_doc(), [make_doc()] * 2), "one gold document for each of the 1, was"),
        (lambda: render(make_doc(), make_doc(["a"], [])), "must have the text of its document"),
        (lambda: heat_map("a", spacy.blank("en")), "was: None. The pipeline has: none"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_heat_map_has_a_cell_for_each_likely_span(nlp):
    doc = nlp("The University of Ulm hired Anna Berg.")
    names = nlp.pipe_names
    picture = heat_map(doc, nlp, gold=doc)
    root = ET.fromstring(picture)
    predicted = [x for x in root.iter() if x.get("class") == "predicted"]
    gold = [x for x in root.iter() if x.get("class") == "gold"]
    assert len(predicted) == len(gold) == len(doc.spans["sc"]) + 1  # one of the legend
    assert heat_map(doc.text, nlp) == heat_map(doc, nlp)
    assert unframe(picture) == picture
    assert nlp.pipe_names == names


def test_a_heat_map_draws_before_later_components(nlp):
    """They stay enabled afterwards, and the document is not changed."""
    other = spacy.blank("en")
    other.add_pipe("global_pointer", source=nlp)
    other.add_pipe("sentencizer")
    doc = other.make_doc("Anna Berg left.")
    heat_map(doc, other)
    assert other.pipe_names == ["global_pointer", "sentencizer"]
    assert "sc" not in doc.spans


def test_a_heat_map_of_a_bad_text_or_component_is_told(nlp):
    for doc, n in (("", 0), ("a " * 61, 61)):
        with pytest.raises(ValueError, match=f"1 to 60 tokens, was: {n}. To fix: give one"):
            heat_map(doc, nlp)
    with pytest.raises(ValueError, match=r"was: x\. The pipeline has: global_pointer"):
        heat_map("a", nlp, component="x")
    with pytest.raises(ValueError, match="must have the text of its document"):
        heat_map("a", nlp, gold=nlp.make_doc("b"))


def test_symbols_of_html_in_a_heat_map_are_escaped(nlp):
    picture = heat_map(nlp.make_doc("<b> & </svg> Anna Berg"), nlp)
    assert html.escape("</svg>") in picture
    ET.fromstring(picture)


def test_importing_the_package_imports_neither_spacy_nor_torch():
    script = "import sys, spacy_globalpointer; print({'spacy', 'torch'} & set(sys.modules))"
    command = [sys.executable, "-c", script]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert out.strip() == "set()"
    assert {"render", "heat_map"} <= set(spacy_globalpointer.__all__)


@pytest.mark.parametrize("given", ["Ada", None, [None], make_doc()[0:2], 3, ["Ada"]])
def test_what_is_no_document_is_named(nlp, given):
    name = type(given[0] if isinstance(given, list) else given).__name__
    rule = rf"documents must be spaCy's Doc objects, was: {name}\. To fix: nlp\(text\)"
    with pytest.raises(TypeError, match=rule):
        render(given)
    if given is not None:
        with pytest.raises(TypeError, match=rule):
            render(make_doc(), given)
    if not isinstance(given, str):  # a text is what it draws
        with pytest.raises(TypeError, match=rule):
            heat_map(given, nlp)
