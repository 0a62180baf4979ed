"""Events on the page."""

import shutil
import subprocess

import pytest
import spacy
from dom import classes, having, parse, text
from event_samples import (
    HAPPENED,
    LABELLED,
    make_event_example,
    make_event_examples,
    make_event_nlp,
    train_events,
)
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin, Span
from typer.testing import CliRunner

from spacy_globalpointer.commands.render.data import read_happened, read_spans
from spacy_globalpointer.commands.render.events import join_numbers
from spacy_globalpointer.commands.render.page import Page
from spacy_globalpointer.commands.render.pipeline import read_scores
from spacy_globalpointer.events import Argument, Event, get_events, set_events

EN = spacy.blank("en")
SMOKE = HAPPENED[1]


def make_doc(text, spans, events, score=None):
    doc = make_event_example(EN, text, spans, events, predicted=False).reference
    if score is not None:
        set_events(doc, [event._replace(score=score) for event in get_events(doc)])
    return doc


def make_page(pairs, **options):
    """HTML of documents: predicted ones or None, and gold ones or None."""
    page = Page(**options)
    for number, (predicted, gold) in enumerate(pairs, start=1):
        found = None if predicted is None else read_scores(predicted.spans["sc"])
        known = None if gold is None else read_spans(gold, "sc")
        both = tuple(doc and read_happened(doc, "events") for doc in (predicted, gold))
        page.add(number, predicted or gold, found, known, events=both)
    return page.html("A title", page.notes())


def read_table(root):
    """The rows of the tables of events, as text."""
    return [text(row) for table in having(root, "event-table") for row in table.iter("tr")]


def read_arcs(root):
    return {(run.get("title"), "odd" in classes(run)) for run in having(root, "run")}


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "render", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def save(path, docs):
    DocBin(docs=docs).to_disk(path)
    return path


def test_events_of_one_trigger_have_numbers():
    root = parse(make_page([(None, make_doc(*SMOKE))]))
    assert read_table(root) == [
        "1 Cause causes of Smoke what cancer",
        "2 Cause causes of Smoke what asthma",
    ]
    assert read_arcs(root) == {
        ("Cause 1–2, of: causes → Smoke", False),
        ("Cause 1, what: causes → cancer", False),
        ("Cause 2, what: causes → asthma", False),
    }
    assert len(having(root, "tip")) == 3
    assert {text(arc) for arc in having(root, "run")} == {"of 1–2", "what 1", "what 2"}
    assert "Cause 1–2" in {text(box) for box in having(root, "box")}
    assert text(root.find(".//body/p")) == "documents: 1; spans: 4 gold; events: 2 gold"
    spans, events = having(root, "labels")
    assert {text(item) for item in events} == {"Cause 2 gold"}
    assert "Cause 1 gold" in {text(item) for item in spans}


def test_an_event_with_a_trigger_of_its_own_has_no_number_on_its_arcs():
    root = parse(make_page([(None, make_doc(*HAPPENED[2]))]))
    assert {text(arc) for arc in having(root, "run")} == {"who", "where"}


def test_nested_events_name_each_other():
    root = parse(make_page([(None, make_doc(*HAPPENED[3]))]))
    assert read_table(root) == [
        "1 War War",
        "2 Cause causes of War (1) what flight (3)",
        "3 Flee flight",
    ]


def test_a_cycle_of_events_is_drawn():
    doc = make_doc("War fled.", [("War", "War"), ("fled", "Flee")], [])
    war, flee = (Span(doc, i, i + 1, label) for i, label in ((0, "War"), (1, "Flee")))
    events = [
        Event("War", war, (Argument("of", flee), Argument("self", war))),
        Event("Flee", flee, (Argument("from", war),)),
    ]
    set_events(doc, events)
    root = parse(make_page([(None, doc)]))
    assert read_table(root) == ["1 War War self War (1) of fled (2)", "2 Flee fled from War (1)"]
    assert len(read_arcs(root)) == 3


def test_events_without_triggers_are_joined_from_their_first_argument():
    root = parse(make_page([(None, make_doc(*LABELLED[0]))]))
    assert read_table(root) == ["1 Pay from Acme to Bob", "2 Pay from Zeta to Eve"]
    assert read_arcs(root) == {
        ("Pay 1, to: Acme ↔ Bob", False),
        ("Pay 2, to: Zeta ↔ Eve", False),
    }
    assert not having(root, "tip")
    (row,) = read_table(parse(make_page([(None, make_doc(*LABELLED[3]))])))
    assert row == "1 Sell by Ann"


def test_an_event_without_spans_in_the_group_draws_its_own():
    doc = make_doc(*SMOKE)
    doc.spans["sc"] = []
    root = parse(make_page([(None, doc)]))
    assert len(having(root, "box")) == 4
    assert len(read_arcs(root)) == 3


def test_wrong_and_missed_events_stand_out():
    sentence, spans, events = SMOKE
    wrong = [events[0], ("Cause", 1, [("of", 0)])]
    pair = make_doc(sentence, spans, wrong, score=0.75), make_doc(*SMOKE)
    root = parse(make_page([pair]))
    rows = [row for table in having(root, "event-table") for row in table.iter("tr")]
    assert [(text(row), row.get("title")) for row in rows] == [
        ("1 Cause causes of Smoke 0.750", "wrong"),
        ("2 Cause causes of Smoke what cancer 0.750", None),
        ("2 Cause causes of Smoke what cancer", None),
        ("3 Cause causes of Smoke what asthma", "missed"),
    ]
    assert {title for title, is_odd in read_arcs(root) if is_odd} == {
        "Cause 3, what: causes → asthma; missed"
    }
    check = text(having(root, "check")[-1])
    assert check.startswith("events: 2 gold, 2 predicted, 1 right")
    assert "missed Cause" in check
    assert "wrong Cause" in check
    assert "wrong" in classes(root.find(".//article"))
    page = make_page([pair, (make_doc(*SMOKE), make_doc(*SMOKE))], errors_only=True)
    assert len(list(parse(page).iter("article"))) == 1


def test_texts_are_escaped():
    doc = make_doc("War fled.", [("War", "<i>"), ("fled", "<b>")], [("<b>", 1, [("<u>", 0)])])
    page = make_page([(None, doc)])
    for tag in ("<i>", "<u>"):
        assert tag not in page
    assert read_table(parse(page)) == ["1 <b> fled <u> War"]


@pytest.mark.filterwarnings("ignore:.* joins the spans in")
def test_data_alone_and_a_pipeline(tmp_path):
    nlp = make_event_nlp()
    examples = make_event_examples(nlp)
    train_events(nlp, examples, steps=60)
    ruler = nlp.add_pipe("span_ruler", first=True, config={"spans_key": "sc"})
    patterns = {(label, words) for _, spans, _ in HAPPENED for words, label in spans}
    ruler.add_patterns([{"label": label, "pattern": words} for label, words in sorted(patterns)])
    nlp.to_disk(tmp_path / "model")
    data = save(tmp_path / "a.spacy", [example.reference for example in examples])
    code, output = run(data, "-o", tmp_path / "a.html")
    assert code == 0, output
    root = parse((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert len(read_table(root)) == 14
    code, output = run(tmp_path / "model", data, "-o", tmp_path / "b.html")
    assert code == 0, output
    root = parse((tmp_path / "b.html").read_text(encoding="utf-8"))
    assert "14 gold, " in text(root.find(".//body/p"))
    assert len(read_table(root)) > 20
    code, output = run(
        tmp_path / "model", "--text", "Smoke causes cancer.", "-o", tmp_path / "c.html"
    )
    assert code == 0, output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--events-key", "acts"], "the data must have events in the group 'acts', but all groups"),
        (["--events-key", "sc"], "--spans-key and --events-key must differ"),
    ],
)
def test_wrong_groups_are_named(tmp_path, options, message):
    data = save(tmp_path / "a.spacy", [make_doc(*SMOKE)])
    code, output = run(data, "-o", tmp_path / "a.html", *options)
    assert code == 1
    assert message in output


@pytest.mark.filterwarnings("ignore:.* joins the spans in", "ignore:.*write doc.spans")
def test_several_components_need_a_name(tmp_path):
    nlp = make_event_nlp()
    nlp.add_pipe("event_pointer", name="second")
    nlp.initialize(lambda: make_event_examples(nlp)[:3])
    nlp.to_disk(tmp_path / "model")
    code, output = run(tmp_path / "model", "--text", "A b.", "-o", tmp_path / "a.html")
    assert code == 1
    assert "the pipeline has several event_pointer components: event_pointer, second" in output


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [([], ""), ([3], "3"), ([2, 1], "1–2"), ([1, 2, 3, 5, 7, 8], "1–3, 5, 7–8")],
)
def test_numbers_as_in_an_index(numbers, shown):
    assert join_numbers(numbers) == shown


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_a_browser_shows_no_row_wider_than_its_table(tmp_path):
    path = tmp_path / "a.html"
    script = (
        "<script>document.title = [...document.querySelectorAll('.event-table')]"
        ".every(x => x.scrollWidth <= x.clientWidth + 1)</script>"
    )
    page = make_page([(None, make_doc(*sample)) for sample in HAPPENED])
    path.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--dump-dom", path.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "<title>true</title>" in shown.stdout
