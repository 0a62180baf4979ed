"""Relations on the page."""

import json
import re
import shutil
import subprocess

import numpy
import pytest
import spacy
from dom import classes, having, parse, text
from relation_samples import (
    RELATED,
    make_relation_example,
    make_relation_examples,
    make_relation_nlp,
    train_relations,
)
from samples import make_examples, make_nlp, train
from spacy.cli._util import app as spacy_app
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.util import fix_random_seed
from typer.testing import CliRunner

from spacy_globalpointer import Relation, get_relations, set_relations
from spacy_globalpointer.commands.render.data import read_relations, read_spans
from spacy_globalpointer.commands.render.page import MOST_LISTED, Page
from spacy_globalpointer.commands.render.pipeline import read_scores

LONG = (
    "In 1998 the chemist Mara Ellin of the University of Tarrow founded the Ellin Laboratory in "
    "Lower Ness with her brother Jonas ."
).split()
LONG_SPANS = [(1, 2, "DATE"), (3, 6, "PERSON"), (4, 6, "PERSON"), (7, 11, "ORG"), (10, 11, "GPE")]
LONG_SPANS += [(12, 15, "ORG"), (16, 18, "GPE"), (19, 20, "PERSON"), (21, 22, "PERSON")]
LABELS = ["works_for", "located_in", "part_of", "same_as"]


def make_doc(words, spans, edges, lang="en", scores=None, spaces=None):
    """A document with relations (head, child, label) between places of its spans."""
    spaces = [lang != "zh"] * len(words) if spaces is None else spaces
    doc = Doc(spacy.blank(lang).vocab, words=words, spaces=spaces)
    doc.spans["sc"] = [Span(doc, *span) for span in spans]
    if scores is not None:
        doc.spans["sc"].attrs["scores"] = numpy.linspace(0.9, 0.5, len(spans))
    group = list(doc.spans["sc"])
    rows = [Relation(group[head], group[child], label) for head, child, label in edges]
    if scores is not None:
        rows = [row._replace(score=score) for row, score in zip(rows, scores, strict=True)]
    set_relations(doc, rows)
    return doc


def make_page(pairs, symmetric=(), **options):
    """HTML of documents: predicted ones or None, and gold ones or None."""
    page = Page(symmetric=symmetric, **options)
    for number, (predicted, gold) in enumerate(pairs, start=1):
        found = None if predicted is None else read_scores(predicted.spans["sc"])
        known = None if gold is None else read_spans(gold, "sc")
        both = tuple(doc and read_relations(doc, "relations") for doc in (predicted, gold))
        page.add(number, predicted or gold, found, known, both)
    return page.html("A title", page.notes())


def read_arcs(root):
    """{(title, whether it is odd)} of the arcs, and how many arrow heads they have."""
    runs = {(run.get("title"), "odd" in classes(run)) for run in having(root, "run")}
    return runs, len(having(root, "tip"))


def dense(lang="en", n=20):
    """A sentence with many relations, both directions and self relations among them."""
    pairs = [(i, j) for i in range(9) for j in (i, i + 1, i - 1, i + 3) if 0 <= j < 9]
    edges = [(i, j, LABELS[(i + j) % 4]) for i, j in pairs[:n]]
    return make_doc(LONG, LONG_SPANS, edges)


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "render", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def test_each_relation_is_an_arc_with_an_arrow():
    edges = [(0, 1, "met"), (1, 0, "met"), (0, 0, "praises"), (0, 1, "likes")]
    doc = make_doc("Ada met <Bob> .".split(), [(0, 1, "PER"), (2, 3, "PER")], edges)
    root = parse(make_page([(None, doc)]))
    runs, n_tips = read_arcs(root)
    assert runs == {
        ("met: Ada → <Bob>", False),
        ("met: <Bob> → Ada", False),
        ("praises: Ada → Ada", False),
        ("likes: Ada → <Bob>", False),
    }
    assert n_tips == 4
    assert not list(root.iter("table"))
    summary = "documents: 1; spans: 2 gold; relations: 4 gold"
    assert text(root.find(".//body/p")) == summary
    spans, relations = having(root, "labels")
    assert {text(item) for item in relations} == {"likes 1 gold", "met 2 gold", "praises 1 gold"}
    assert {text(item) for item in spans} == {"PER 2 gold"}
    (grid,) = having(root, "grid")
    words = [word.text for word in having(grid, "token")]
    assert words == ["Ada ", "met ", "<Bob> ", ". "]
    assert [box.get("title") for box in having(grid, "box")] == ["PER: Ada", "PER: <Bob>"]


def test_relations_without_direction_have_no_arrow_and_are_one():
    words, spans = "Ada met Bob .".split(), [(0, 1, "PER"), (2, 3, "PER")]
    gold = make_doc(words, spans, [(1, 0, "met")])
    found = make_doc(words, spans, [(0, 1, "met"), (1, 0, "met")], scores=[0.5, 0.75])
    root = parse(make_page([(found, gold)], symmetric=["met"]))
    assert read_arcs(root) == ({("met 0.750: Ada ↔ Bob", False), ("met: Ada ↔ Bob", False)}, 0)
    assert text(root.find(".//body/p")).endswith("relations: 1 gold, 1 predicted, 1 right")


def test_missed_and_wrong_relations_stand_out():
    words, spans = "Ada met Bob in Ulm .".split(), [(0, 1, "PER"), (2, 3, "PER"), (4, 5, "GPE")]
    gold = make_doc(words, spans, [(0, 1, "met"), (1, 2, "in")])
    found = make_doc(words, spans, [(0, 1, "met"), (0, 2, "in")], scores=[0.9, 0.6])
    root = parse(make_page([(found, gold), (gold, None)]))
    first, _ = root.findall(".//article")
    assert "wrong" in classes(first)
    assert read_arcs(first)[0] == {
        ("met 0.900: Ada → Bob", False),
        ("in 0.600: Ada → Ulm; wrong", True),
        ("met: Ada → Bob", False),
        ("in: Bob → Ulm; missed", True),
    }
    assert [text(check) for check in having(first, "check")] == [
        "3 gold, 3 predicted, 3 right",
        "relations: 2 gold, 2 predicted, 1 right; missed in Bob → Ulm; wrong in Ada → Ulm",
    ]
    assert "only documents with errors: 1 of 1" in text(root)


def test_errors_only_counts_wrong_relations():
    words, spans = "Ada met Bob .".split(), [(0, 1, "PER"), (2, 3, "PER")]
    gold = make_doc(words, spans, [(0, 1, "met")])
    right = make_doc(words, spans, [(0, 1, "met")], scores=[0.9])
    none = make_doc(words, spans, [], scores=[])
    root = parse(make_page([(right, gold), (none, gold)], errors_only=True))
    assert [text(article.find("h2")) for article in root.findall(".//article")] == ["2"]
    assert "only documents with errors: 1 of 2" in text(root)


def test_relations_across_lines_and_parts_are_listed():
    words = [*"Ada left .".split(), *["then", "."] * 350, *"Bob <stayed> .".split()]
    doc = make_doc(
        words, [(0, 1, "PER"), (703, 704, "PER"), (704, 705, "X")], [(0, 1, "knows"), (1, 2, "did")]
    )
    root = parse(make_page([(None, doc)]))
    assert read_arcs(root) == ({("did: Bob → <stayed>", False)}, 1)
    (row,) = [row for table in root.iter("table") for row in table.iter("tr")]
    assert row.get("title") == "knows: Ada → Bob"
    assert [text(cell) for cell in row] == ["1–…", "Ada", "knows →", "Bob", ""]
    assert text(root.find(".//body/p")) == "documents: 1; spans: 3 gold; relations: 2 gold"


def test_long_lists_say_how_many_more_there_are():
    n = MOST_LISTED + 7
    words = ["a", "."] * 600
    doc = make_doc(words, [(0, 1, "A"), *((i, i + 1, "B") for i in range(1198, 1200))], [])
    group = list(doc.spans["sc"])
    set_relations(doc, [Relation(group[0], group[1], f"r{i}") for i in range(n)])
    root = parse(make_page([(None, doc)]))
    (table,) = root.iter("table")
    assert len(list(table.iter("tr"))) == MOST_LISTED + 1
    assert "and 7 more" in text(table)


def test_arguments_are_drawn_though_the_group_of_spans_lacks_them():
    doc = make_doc("Ada met Bob .".split(), [(0, 1, "PER"), (2, 3, "PER")], [(0, 1, "met")])
    doc.spans["sc"] = list(doc.spans["sc"])[:1]
    root = parse(make_page([(None, doc)]))
    assert [box.get("title") for box in having(root, "box")] == ["PER: Ada", "PER: Bob"]
    del doc.spans["sc"]
    assert len(having(parse(make_page([(None, doc)])), "run")) == 1


def test_documents_without_relations_are_drawn_as_before():
    doc = make_doc("Ada met Bob .".split(), [(0, 1, "PER")], [])
    root = parse(make_page([(None, doc)]))
    assert len(having(root, "text")) == 1
    assert not having(root, "grid")
    assert "relations" not in text(root.find(".//body/p"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pipelines with relations, and annotated documents."""
    folder = tmp_path_factory.mktemp("related")
    fix_random_seed(0)
    nlp = spacy.blank("en")
    examples = make_relation_examples(nlp)
    spans = make_nlp()
    train(spans, make_examples(spans))
    # Its spans come from the other pipeline.
    related = make_relation_nlp(candidates="gold")
    with pytest.warns(UserWarning, match="no component before it writes them"):
        train_relations(related, examples)
    spans.add_pipe("relation_pointer", source=related)
    spans.to_disk(folder / "model")
    ruled = spacy.blank("en")
    ruler = ruled.add_pipe("entity_ruler")
    pipe = ruled.add_pipe("relation_pointer", config={"spans": None, "candidates": "gold"})
    for label in ("KNOWS", "IN"):
        pipe.add_label(label)
    ruled.initialize(lambda: [make_relation_example(ruled, *RELATED[2], key=None)])
    ruler.add_patterns([{"label": "PERSON", "pattern": name} for name in ("Anna", "Bob")])
    ruled.to_disk(folder / "ruled")
    DocBin(docs=[example.reference for example in examples]).to_disk(folder / "dev.spacy")
    return folder


def test_a_pipeline_shows_its_relations(folder, tmp_path):
    code, _ = run(folder / "model", folder / "dev.spacy", "--output", tmp_path / "page.html")
    assert code == 0
    root = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    nlp = spacy.load(folder / "model")
    doc = nlp(RELATED[0][0])
    first = root.find(".//article")
    (predicted, gold) = having(first, "panel")
    expected = {
        f"{r.label} {r.score:.3f}: {r.head.text} → {r.child.text}" for r in get_relations(doc)
    }
    titles = {(run.get("title") or "").split(";")[0] for run in having(predicted, "run")}
    assert titles == expected
    assert {run.get("title").split(";")[0] for run in having(gold, "run")} == {
        "IN: University of Ulm → Ulm",
        "WORKS_FOR: Anna Berg → University of Ulm",
    }
    assert "relations: 7 gold" in text(root.find(".//body/p"))


def test_the_spans_of_a_component_alone(folder, tmp_path):
    arguments = folder / "model", "--text", RELATED[0][0], "--output", tmp_path / "page.html"
    assert run(*arguments, "--component", "global_pointer")[0] == 0
    assert not having(parse((tmp_path / "page.html").read_text(encoding="utf-8")), "run")
    assert run(*arguments, "--component", "relation_pointer")[0] == 0


def test_a_component_for_spans_shows_gold_relations_if_they_are_asked_for(folder, tmp_path):
    page = tmp_path / "page.html"
    arguments = folder / "model", folder / "dev.spacy", "--component", "global_pointer", "-o", page
    for options, n in (([], 0), (["--relations-key", "relations"], 7)):
        assert run(*arguments, *options)[0] == 0
        assert len(having(parse(page.read_text(encoding="utf-8")), "run")) == n


def test_relations_of_entities(folder, tmp_path):
    """A pipeline without the component for spans: its entities have no scores."""
    arguments = (
        folder / "ruled",
        "--text",
        "Anna met Bob in Ulm.",
        "--output",
        tmp_path / "page.html",
    )
    assert run(*arguments)[0] == 0
    root = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    titles = {label.get("title") for label in having(root.find(".//main"), "label")}
    assert {"PERSON: Anna", "PERSON: Bob"} <= titles | {
        box.get("title") for box in having(root, "box")
    }
    code, output = run(*arguments, "--heatmap", tmp_path / "x.svg")
    assert (code, "--heatmap shows the scores of a global_pointer component, but" in output) == (
        1,
        True,
    )


def test_gold_relations_need_no_pipeline(tmp_path):
    spans = [{"start": 0, "end": 3, "label": "PER"}, {"start": 8, "end": 11, "label": "PER"}]
    rows = [
        {
            "text": "Ada met Bob.",
            "spans": spans,
            "relations": [{"head": 0, "child": 1, "label": "met"}],
        },
        {"text": "Ada saw Bob.", "spans": spans},
        {
            "text": "Ada met  Bobby.",
            "spans": [spans[0], {"start": 9, "end": 11, "label": "X"}],
            "relations": [{"head": 1, "child": 0, "label": "<met>"}],
        },
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    code, output = run(path, "--output", tmp_path / "page.html")
    assert (code, "1 of 3 documents have no relations in the group 'relations'" in output) == (
        0,
        True,
    )
    root = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    # The argument off the tokens is drawn under all that it touches.
    assert {title for title, _ in read_arcs(root)[0]} == {"met: Ada → Bob", "<met>: Bo → Ada"}


def test_relations_of_data_without_the_group_of_spans(tmp_path):
    doc = make_doc("Ada met Bob .".split(), [(0, 1, "PER"), (2, 3, "PER")], [(0, 1, "met")])
    del doc.spans["sc"]
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    code, output = run(tmp_path / "a.spacy", "--output", tmp_path / "page.html")
    assert (code, "Only gold spans of relations are shown: the data should" in output) == (0, True)
    root = parse((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert read_arcs(root) == ({("met: Ada → Bob", False)}, 1)


def test_unknown_labels_are_told(folder, tmp_path):
    doc = make_doc("Ada met Bob .".split(), [(0, 1, "PERSON"), (2, 3, "PERSON")], [(0, 1, "HUGS")])
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    _, output = run(folder / "model", tmp_path / "a.spacy", "--output", tmp_path / "page.html")
    assert "Gold relations of labels that the component does not have: HUGS 1. Its labels" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--relations-key", "x"], "must have relations in the group 'x', but all groups with"),
        (["--relations-key", "x"], "relations there are: relations. To fix: --relations-key"),
        (["--relations-key", "sc"], "--spans-key and --relations-key must differ, because"),
        (["--spans-key", "x", "--errors-only"], "--errors-only needs a pipeline"),
    ],
)
def test_bad_options_are_errors(folder, tmp_path, options, message):
    code, output = run(folder / "dev.spacy", *options, "--output", tmp_path / "page.html")
    assert (code, message in output) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_several_components_must_be_chosen_from(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    other = spacy.load(folder / "model")
    other.rename_pipe("relation_pointer", "other")
    nlp.add_pipe("other", source=other)
    nlp.to_disk(tmp_path / "two")
    arguments = tmp_path / "two", "--text", "Rome.", "--output", tmp_path / "page.html"
    code, output = run(*arguments)
    assert code == 1
    assert "several relation_pointer components: relation_pointer, other. To fix: --comp" in output
    assert run(*arguments, "--component", "other")[0] == 0


def test_broken_relations_are_an_error(tmp_path):
    doc = make_doc("Ada met Bob .".split(), [(0, 1, "PER"), (2, 3, "PER")], [(0, 1, "met")])
    attrs = {"relations": [[0, 7, "met"]]}
    group = list(doc.spans["relations"])
    doc.spans["relations"] = SpanGroup(doc, name="relations", spans=group, attrs=attrs)
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    code, output = run(tmp_path / "a.spacy", "--output", tmp_path / "page.html")
    assert (code, "must be places among 2 spans, from 0, was: [0, 7, 'met']" in output) == (1, True)


MEASURE = """<script>
addEventListener("load", () => {
const luminance = colour => {
  const c = colour.match(/[\\d.]+/g).slice(0, 3)
    .map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2] };
const page = luminance(getComputedStyle(document.body).backgroundColor);
const contrast = a => (Math.max(a, page) + 0.05) / (Math.min(a, page) + 0.05);
const labels = [...document.querySelectorAll(".run .label")];
const box = e => e.getBoundingClientRect();
const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
  && a.top < b.bottom - 2 && b.top < a.bottom - 2;
const count = list => { let n = 0;
  list.forEach((a, i) => list.slice(0, i).forEach(b => { n += overlap(a, b) })); return n };
const words = [...document.querySelectorAll(".grid > .token")].filter(e => e.textContent.trim());
const text = words.map(e => {
  const r = document.createRange(); r.selectNodeContents(e); return r.getBoundingClientRect() });
let astray = 0;
document.querySelectorAll(".run").forEach(run => {
  const a = box(run), b = box(run.querySelector(".label"));
  astray += b.left < a.left - 1 || b.right > a.right + 1 });
const report = { labels: labels.length, overlaps: count(labels.map(box)), astray,
  words: count(text),
  listed: Math.max(0, ...[...document.querySelectorAll("tr")].map(e => box(e).height)),
  boxes: count([...document.querySelectorAll(".grid > .box")].map(box)),
  beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  weakest: Math.min(...labels.map(e => contrast(luminance(getComputedStyle(e).color)))),
  is_dark: page < 0.2 };
const place = document.createElement("pre");
place.id = "report";
place.textContent = JSON.stringify(report);
document.body.append(place); });
</script></body>"""


def measure(page, tmp_path, *, dark):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs chromium")
    path = tmp_path / "measured.html"
    path.write_text(page.replace("</body>", MEASURE), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--window-size=1200,2000", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    done = subprocess.run([*command, f"file://{path}"], capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="report">(.*?)</pre>', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(found[1])


def nested():
    words = "the head of the faculty of medicine of the University of Upper Tarrow".split()
    spans = [(0, 13, "PER"), (3, 13, "ORG"), (4, 13, "FAC"), (9, 13, "ORG"), (11, 13, "GPE")]
    edges = [(i, j, LABELS[(i + 2 * j) % 4]) for i in range(5) for j in range(5) if abs(i - j) < 3]
    return make_doc(words, spans, edges)


def arabic():
    words = ["في", "جامعة", "القاهرة", "،", "قال", "PKC", "وصلوا"]
    spans = [(1, 3, "ORG"), (2, 3, "GPE"), (5, 6, "protein_molecule")]
    return make_doc(words, spans, [(0, 1, "in"), (2, 0, "found"), (1, 2, "in")], "ar")


def chinese():
    spans = [(0, 2, "PER"), (3, 13, "ORG"), (3, 6, "GPE"), (6, 9, "GPE"), (15, 17, "TREAT")]
    edges = [(0, 1, "就诊于"), (3, 2, "位于"), (1, 3, "位于"), (0, 4, "接受"), (1, 1, "same_as")]
    return make_doc([*"患者于北京市海淀区人民医院接受化疗，无发热。"], spans, edges, "zh")


def test_listed_relations_are_legible_beside_a_long_label(tmp_path):
    words = ["The", "University", "of", *["then", "."] * 350, "the", "Royal", "Society"]
    long = "a label that runs on, and on, and on, and on, and on"
    edges = [(0, 1, "in"), (1, 0, long), (1, 0, long.replace(" ", "_"))]
    doc = make_doc(words, [(0, 3, "ORG"), (703, 706, "ORG")], edges)
    report = measure(make_page([(None, doc)]), tmp_path, dark=False)
    assert 10 < report["listed"] < 100
    assert report["beyond"] == 0


@pytest.mark.parametrize("dark", [False, True])
def test_arcs_are_legible_in_a_browser(dark, tmp_path):
    docs = [dense(), nested(), arabic(), chinese()]
    report = measure(make_page([(None, doc) for doc in docs]), tmp_path, dark=dark)
    n_listed = make_page([(None, doc) for doc in docs]).count("<tr")
    assert report["labels"] + n_listed == sum(len(get_relations(doc)) for doc in docs)
    assert report["labels"] >= 40
    assert (report["overlaps"], report["words"], report["boxes"]) == (0, 0, 0)
    assert (report["astray"], report["beyond"]) == (0, 0)
    assert report["weakest"] >= 4.5
    assert report["is_dark"] == dark
