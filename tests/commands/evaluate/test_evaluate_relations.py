"""The command on relations: its numbers beside nlp.evaluate, its page, and its messages."""

import json

import pytest
import spacy
from dom import having, parse, text
from noisy import save
from noisy_relations import make_noisy_relations, make_related_nlp
from relation_samples import RELATED, make_relation_example
from samples import OWN
from spacy.cli._util import app as spacy_app
from spacy.tokens import Doc, Span
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_globalpointer import Relation, get_relations, set_relations
from spacy_globalpointer.commands.evaluate.command import evaluate
from spacy_globalpointer.commands.evaluate.worst_relations import LONGEST


@pytest.fixture(scope="module")
def folder(related_folder):
    return related_folder


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "evaluate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, " ".join(result.output.split())


def change(folder, tmp_path, **settings):
    """The pipeline with other settings of relation_pointer."""
    names = {f"components.relation_pointer.{key}": value for key, value in settings.items()}
    spacy.load(folder / "model", config=names).to_disk(tmp_path / "changed")
    return tmp_path / "changed"


def check_totals(report, model, data):
    """All that nlp.evaluate says of relations, the report says too."""
    nlp = spacy.load(model)
    theirs = {
        name.removeprefix("relations_"): score
        for name, score in nlp.evaluate(list(Corpus(data)(nlp))).items()
        if name.startswith("relations_")
    }
    scores = report["scores"]
    for part in "prf":
        assert scores["strict"][part] == pytest.approx(theirs[part]), part
        assert scores["boundary"][part] == pytest.approx(theirs[f"boundary_{part}"]), part
        assert scores["text"][part] == pytest.approx(theirs[f"text_{part}"]), part
    assert scores["strict"]["macro_f"] == pytest.approx(theirs["macro_f"])
    for part in ("nested", "cross_sentence"):
        assert scores[part]["r"] == pytest.approx(theirs[f"{part}_r"] or 0)  # None: no such gold
    assert report["labels"].keys() == theirs["per_type"].keys()
    for label, counts in theirs["per_type"].items():
        assert {part: report["labels"][label][part] for part in "prf"} == pytest.approx(counts)


@pytest.mark.filterwarnings("ignore:'relation_pointer' kept only the best")
@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": 0.05},
        {"threshold": 0.001, "max_relations": 2},
        {"threshold": 0.3, "label_thresholds": [["KNOWS", 0.02]], "type_pairs": "any"},
    ],
    ids=str,
)
def test_totals_are_those_of_nlp_evaluate(folder, tmp_path, settings):
    docs = [example.reference for example in make_noisy_relations(spacy.blank("en"), 60, seed=3)]
    del docs[4].spans["relations"]  # not annotated
    data = save(docs, tmp_path / "data.spacy")
    model = change(folder, tmp_path, **settings)
    report = evaluate(str(model), [data], worst=1000, component="relation_pointer")
    assert "spans" not in report
    report = report["relations"]
    check_totals(report, model, data)
    assert (report["documents"], report["unannotated"]) == (59, 1)
    assert report["scores"]["strict"]["right"] > 3
    assert any("kept only the best 2 relations" in note for note in report["notes"]) == (
        "max_relations" in settings
    )
    # Every wrong and every missed relation is in some excerpt.
    errors = {
        (excerpt["document"], side, place(edge))
        for excerpt in report["worst"]
        for side in ("gold", "predicted")
        for edge in excerpt[side]
        if not edge["right"]
    }
    strict = report["scores"]["strict"]
    assert len(errors) == strict["wrong"] + strict["missed"]


def place(edge):
    ends = ((edge[side]["start"], edge[side]["end"], edge[side]["label"]) for side in ENDS)
    return (*ends, edge["label"])


ENDS = ("head", "child")


def test_scores_are_those_of_the_component(folder):
    """Also of gold relations far below the threshold; what can never be found has none."""
    data, model = folder / "dev.spacy", folder / "model"
    worst = evaluate(str(model), [data], worst=1000, component="relation_pointer")
    names = {"components.relation_pointer.threshold": 0.0}
    names["components.relation_pointer.max_relations"] = 100_000
    nlp = spacy.load(model, config=names)
    scores = {}
    for number, example in enumerate(Corpus(data)(nlp), 1):
        for edge in get_relations(nlp(example.predicted)):
            ends = tuple((s.start, s.end, s.label_) for s in (edge.head, edge.child))
            scores[number, (*ends, edge.label)] = edge.score
    n_low = n_never = 0
    for excerpt in worst["relations"]["worst"]:
        for edge in (*excerpt["gold"], *excerpt["predicted"]):
            expected = scores.get((excerpt["document"], place(edge)))
            assert edge["score"] == (expected and pytest.approx(expected, rel=1e-3, abs=1e-9))
            n_low += expected is not None and expected < 0.01
            n_never += expected is None
    assert min(n_low, n_never) > 5


def test_given_spans_are_those_of_the_gold(folder, tmp_path):
    """As in a pipeline that reads gold spans in place of predicted ones."""
    report = evaluate(str(folder / "model"), [folder / "dev.spacy"])["relations"]
    nlp = spacy.load(folder / "model")
    examples = list(Corpus(folder / "dev.spacy")(nlp))
    pipe = nlp.get_pipe("relation_pointer")
    for example in examples:
        example.predicted.spans["sc"] = [
            Span(example.predicted, s.start, s.end, s.label_) for s in example.reference.spans["sc"]
        ]
        pipe(example.predicted)
    given = report["scores"]["given_spans"]
    assert given["f"] == pytest.approx(pipe.score(examples)["relations_f"])
    assert given["f"] > report["scores"]["strict"]["f"]


def test_spans_and_relations_have_each_their_part(folder, tmp_path):
    files = ["--output", tmp_path / "r.json", "--html", tmp_path / "r.html"]
    code, output = run(folder / "model", folder / "dev.spacy", *files, "--worst", 3)
    assert code == 0
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    alone = evaluate(str(folder / "model"), [folder / "dev.spacy"], component="global_pointer")
    assert "relations" not in alone
    assert {**report, "worst": [], "relations": []} == {**alone, "worst": [], "relations": []}
    relations = report["relations"]
    check_totals(relations, folder / "model", folder / "dev.spacy")
    row = " ".join(f"{100 * relations['scores']['given_spans'][part]:.2f}" for part in "prf")
    assert f"given the gold spans {row} 301" in output
    assert f"missed with a span {relations['errors']['missed span']}" in output
    assert f"Expected calibration error: {relations['calibration']['ece']:.4f}" in output
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count('<article class="excerpt">') == 6
    assert page.index('id="relation-scores"') > page.index('id="confusion"')
    for label, counts in relations["labels"].items():
        assert f">{label}</td><td>{100 * counts['p']:.2f}</td>" in page
    for excerpt in relations["worst"]:
        assert f"· document {excerpt['document']}</span>" in page


def test_the_page_shows_relations_and_the_spans_that_they_join(folder, tmp_path):
    html = tmp_path / "r.html"
    report = evaluate(
        str(folder / "model"), [folder / "dev.spacy"], html=html, component="relation_pointer"
    )
    root = parse(html.read_text(encoding="utf-8"))
    excerpts = report["relations"]["worst"]
    shown = having(root, "excerpt")
    for excerpt, article in zip(excerpts, shown, strict=True):
        assert show(excerpt["error"]) in text(article.find("h3"))
        for side in ("gold", "predicted"):
            (box,) = having(article, side)
            rows = [text(row) for row in having(box, "edges")[0]]
            assert len(rows) == len(excerpt[side])
            for edge, row in zip(excerpt[side], rows, strict=True):
                assert row.startswith(show(edge)), row
                assert (row == show(edge)) == edge["right"]
                assert {tuple(place(edge)[i]) for i in (0, 1)} <= {
                    (s["start"], s["end"], s["label"]) for s in excerpt[f"{side}_spans"]
                }
    assert {row["id"] for row in map(dict, (x.attrib for x in root.iter("table")))} == {
        *("relation-scores", "relation-errors", "relation-labels", "distances", "relation-bins")
    }


def show(edge):
    arrow = "—" if edge["label"] == "KNOWS" else "→"
    return f"{edge['head']['text']} — {edge['label']} {arrow} {edge['child']['text']}"


def test_labels_and_texts_cannot_break_the_page(tmp_path):
    nlp = make_related_nlp(symmetric=[])
    words = ["<b>Ada</b>", "met", "Bob", "&", "<i>", "."]
    doc = Doc(nlp.vocab, words=words)
    spans = [Span(doc, 0, 1, "<u>"), Span(doc, 2, 3, "B")]
    doc.spans["sc"] = spans
    set_relations(doc, [Relation(*spans, '<script>"x"</script>')])
    data = save([doc], tmp_path / "data.spacy")
    nlp.initialize(lambda: Corpus(data)(nlp))
    nlp.to_disk(tmp_path / "model")
    evaluate(str(tmp_path / "model"), [data], html=tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>Ada" not in page
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page


def test_spans_of_any_component_are_joined(tmp_path):
    """Entities of a ruler: no global_pointer at all."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    samples = [RELATED[2], RELATED[4]]
    entities = [span for _, spans, _ in samples for span in spans]
    model = {"@architectures": "spacy_globalpointer.SpanPairs.v1", "tok2vec": OWN}
    nlp.add_pipe("relation_pointer", config={"spans": None, "candidates": "gold", "model": model})
    examples = [make_relation_example(nlp, *x, key=None, predicted=False) for x in samples]
    nlp.initialize(lambda: examples)
    ruler.add_patterns([{"pattern": text, "label": label} for text, label in entities])
    nlp.to_disk(tmp_path / "model")
    data = save([example.reference for example in examples], tmp_path / "data.spacy")
    report = evaluate(str(tmp_path / "model"), [data], html=tmp_path / "r.html")
    check_totals(report["relations"], tmp_path / "model", data)
    assert report["relations"]["spans"] is None
    assert "between doc.ents" in " ".join((tmp_path / "r.html").read_text().split())


def test_distant_spans_are_shown_with_all_between_them(tmp_path):
    nlp = make_related_nlp(symmetric=[], max_distance=None)
    far, beyond = LONGEST - 10, LONGEST + 10
    doc = Doc(nlp.vocab, words=[f"w{i}" for i in range(600)])
    spans = [Span(doc, i, i + 1, "A") for i in (0, far, 300, 300 + beyond)]
    doc.spans["sc"] = spans
    set_relations(doc, [Relation(spans[0], spans[1], "X"), Relation(spans[2], spans[3], "X")])
    data = save([doc], tmp_path / "data.spacy")
    nlp.initialize(lambda: Corpus(data)(nlp))
    nlp.get_pipe("global_pointer").cfg["threshold"] = 1.0
    nlp.get_pipe_config("global_pointer")["threshold"] = 1.0
    nlp.to_disk(tmp_path / "model")
    report = evaluate(str(tmp_path / "model"), [data], html=tmp_path / "r.html")
    parts = [(e["start"], e["end"]) for e in report["relations"]["worst"]]
    assert parts == [(0, far + 1), (300, 300 + LONGEST)]
    assert report["relations"]["errors"] == {"missed span": 2}


def test_without_gold_relations_spans_are_scored_and_it_is_said(folder, tmp_path):
    docs = [example.reference for example in make_noisy_relations(spacy.blank("en"), 20, seed=4)]
    for doc in docs:
        del doc.spans["relations"]
    data = save(docs, tmp_path / "data.spacy")
    code, output = run(folder / "model", data, "--html", tmp_path / "r.html")
    assert code == 0
    message = "DATA must hold gold relations, but has 20 documents, none with relations in doc.sp"
    assert f"Not scored: {message}" in output
    assert "Relations (per label)" not in output
    code, output = run(folder / "model", data, "--component", "relation_pointer")
    assert code == 1
    assert message in output
    assert "set_relations" in output
    docs = [example.reference for example in make_noisy_relations(spacy.blank("en"), 20, seed=4)]
    for doc in docs:
        del doc.spans["sc"]
    data = save(docs, tmp_path / "data.spacy")
    code, output = run(folder / "model", data, "--html", tmp_path / "r.html")
    assert code == 0
    assert "Not scored: DATA must hold gold spans, but has 20 documents" in output
    assert "Relations (per label)" in output
    for doc in docs:
        doc.spans.clear()
    code, output = run(folder / "model", save(docs, tmp_path / "data.spacy"))
    assert code == 1
    assert "DATA must hold gold spans, but has 20 documents" in output


def test_gold_that_cannot_be_found_is_named(folder, tmp_path):
    docs = [example.reference for example in make_noisy_relations(spacy.blank("en"), 12, seed=3)]
    for doc in docs[:3]:
        edges = get_relations(doc)
        span = doc.spans["sc"][0]
        new = Relation(span, Span(doc, len(doc) - 1, len(doc), "ORG"), "NEW")
        set_relations(doc, [*edges, new, Relation(span, span, "IN")])
    data = save(docs, tmp_path / "data.spacy")
    code, output = run(folder / "model", data, "--component", "relation_pointer")
    assert code == 0
    assert "Gold relations of labels that the component does not have count as missed: NEW 3" in (
        output
    )
    assert "lead from a span to itself" in output
    report = evaluate(str(folder / "model"), [data])["relations"]
    check_totals(report, folder / "model", data)
    for doc in docs:
        set_relations(doc, [])
    code, output = run(folder / "model", save(docs, data), "--component", "relation_pointer")
    assert code == 0
    assert "No document has a gold relation: the group 'relations' is empty in all of" in output


def test_spans_that_nobody_wrote_are_named(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    nlp.remove_pipe("global_pointer")
    nlp.to_disk(tmp_path / "model")
    report = evaluate(str(tmp_path / "model"), [folder / "dev.spacy"])["relations"]
    assert "has none, not even an empty group, so it finds nothing" in report["notes"][0]
    assert report["scores"]["given_spans"]["right"] > 0
    assert report["errors"].keys() == {"missed span"}


def test_wrong_components_are_errors(folder, tmp_path):
    code, output = run(folder / "model", folder / "dev.spacy", "--component", "sentencizer")
    assert code == 1
    assert "an enabled global_pointer, relation_pointer or event_pointer component, was" in (output)
    assert "The pipeline has: global_pointer, relation_pointer" in output
    nlp = spacy.load(folder / "model")
    nlp.add_pipe("relation_pointer", "second", source=spacy.load(folder / "model"))
    nlp.to_disk(tmp_path / "two")
    code, output = run(tmp_path / "two", folder / "dev.spacy")
    assert code == 1
    assert "several relation_pointer components: relation_pointer, second. To fix" in output
    untrained = make_related_nlp(symmetric=[])
    untrained.remove_pipe("global_pointer")
    untrained.to_disk(tmp_path / "untrained")
    code, output = run(tmp_path / "untrained", folder / "dev.spacy")
    assert (code, "relation_pointer" in output) == (1, True)
