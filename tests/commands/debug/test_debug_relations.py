import json

import pytest
import spacy
from relation_samples import RELATED, make_relation_example, make_relation_nlp
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin, SpanGroup
from typer.testing import CliRunner

from spacy_globalpointer import Relation, set_relations
from spacy_globalpointer.commands.debug.survey import debug_config, debug_data

EN = spacy.blank("en")
ADA = ("Ada met Bob in Ulm.", [("Ada", "PER"), ("Bob", "PER"), ("Ulm", "GPE")])


def make_doc(relations, text=ADA[0], spans=ADA[1], **options):
    return make_relation_example(EN, text, spans, relations, predicted=False, **options).reference


def sample_docs():
    return [make_doc(relations, text, spans) for text, spans, relations in RELATED]


def save(path, docs):
    DocBin(docs=docs).to_disk(path)
    return str(path)


def survey_of(tmp_path, train, dev=None, *, low=1, **settings):
    """What is found with a config; `settings` of relation_pointer."""
    dev = train if dev is None else dev
    return look(tmp_path, make_relation_nlp(**{"symmetric": [], **settings}), train, dev, low=low)


def look(tmp_path, nlp, train, dev, *, low=1, **changes):
    config = nlp.config.copy()
    config["paths"] = {
        name: save(tmp_path / f"{name}.spacy", docs)
        for name, docs in (("train", train), ("dev", dev))
    }
    config["corpora"]["train"].update(changes)
    config.to_disk(tmp_path / "a.cfg")
    return debug_config(str(tmp_path / "a.cfg"), low=low)


def told(survey, level, part):
    """The findings of a level that say something, and their lines."""
    (case,) = survey.related
    found = [f for f in case.findings if f.level == level and part in f.text]
    assert found, [(f.level, f.text) for f in case.findings]
    return found[0].advice and found[0].advice.lines


def run(*arguments):
    result = CliRunner().invoke(spacy_app, ["global-pointer", "debug", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, " ".join(result.output.split())


def test_good_relations_have_no_problems(tmp_path):
    survey = survey_of(tmp_path, sample_docs(), symmetric=["KNOWS"])
    (case,) = survey.related
    levels = {f.level for f in case.findings if f.topic != "config"}
    assert levels == {"good", "info"}
    split = case.splits["train"]
    assert split.labels == {"IN": 2, "WORKS_FOR": 2, "FOUNDED": 2, "KNOWS": 1}
    assert (split.n_annotated, split.n_empty, split.most) == (5, 2, 4)
    assert split.distances["IN"] == {0: 2}
    # Turned, as it has no direction.
    assert split.kinds["head first", "KNOWS"] == 1
    told(survey, "info", "Of 7 relations of train, 2 are of overlapping spans; sentences are not")


def test_data_files_have_a_section_if_they_have_relations(tmp_path):
    path = save(tmp_path / "a.spacy", sample_docs())
    code, output = run(path, "--output", tmp_path / "o.json", "--low", 1)
    assert code == 0
    for part in (
        "Name of the group of relations: relations",
        "✔ All 5 documents of data have the group 'relations', which has no relation in 2",
        "FOUNDED 2 1 1 1 0 2 50%",
        "all 7",
        "✔ All arguments of relations of data are gold spans in doc.spans['sc']",
    ):
        assert part in output
    report = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    own = report["components"]["relation_pointer"]
    assert own["splits"]["data"]["labels"]["IN"] == 2
    assert own["splits"]["data"]["kinds"]["both ways"] == {"FOUNDED": 2}
    assert ["ORG", "IN", "GPE", 2] in own["splits"]["data"]["type_pairs"]
    docs = sample_docs()
    for doc in docs:
        del doc.spans["relations"]
    assert debug_data([save(tmp_path / "b.spacy", docs)]).related == []


def test_relations_of_json_lines_that_are_left_out_are_counted(tmp_path):
    spans = [(0, 3, "PER"), (9, 11, "CELL"), (0, 4, "PER"), (12, 17, "CELL")]
    row = {
        "text": "Ada saw  IL-2-cells.",
        "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans],
        "relations": [
            {"head": head, "child": child, "label": "saw"}
            for head, child in ((0, 1), (0, 2), (0, 0), (2, 0))
        ],
    }
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    survey = debug_data([str(path)])
    told(survey, "warning", "1 of 4 relations of data have an argument that does not begin")
    told(survey, "warning", "2 of 4 relations of data join two spans that are one on the tokens")
    assert told(survey, "warning", "(1 of data), which allow_self = false") == (
        "allow_self = true",
    )


def test_self_relations(tmp_path):
    docs = [make_doc([(0, 0, "praises"), (0, 1, "praises")])]
    assert told(survey_of(tmp_path, docs), "warning", "1 of train, 1 of dev")
    told(survey_of(tmp_path, docs, allow_self=True), "good", "and can be found")
    advice = told(survey_of(tmp_path, sample_docs(), allow_self=True), "info", "allow_self = true")
    assert advice == ("allow_self = false",)


def test_labels_that_look_symmetric(tmp_path):
    docs = [make_doc([(0, 1, "met"), (1, 0, "met"), (0, 1, "after"), (0, 2, "in")])] * 10
    survey = survey_of(tmp_path, docs)
    lines = ('symmetric = ["met", "after"]',)
    assert told(survey, "info", "Relations of met are annotated in both directions") == lines
    assert told(survey, "info", "Relations of after always lead from the first span") == lines
    (case,) = survey.related
    # Spans of other labels have a direction.
    assert not any("Relations of in " in finding.text for finding in case.findings)
    survey = survey_of(tmp_path, docs, symmetric=["met", "after"])
    assert not any("symmetric" in finding.text for finding in survey.related[0].findings)
    assert survey.related[0].splits["train"].labels == {"met": 10, "after": 10, "in": 10}


def test_relations_that_are_too_far_apart(tmp_path):
    docs = [make_doc([(0, 1, "met"), (0, 2, "in")])] * 3
    survey = survey_of(tmp_path, docs, max_distance=2)
    text = (
        "max_distance = 2 loses 3 of 6 relations of train (50.00%): the longest relation of train"
    )
    assert told(survey, "warning", text) == ("max_distance = 7",)
    far = [make_doc([(0, 2, "in")])]
    assert told(survey_of(tmp_path, far, max_distance=1), "error", "loses 1 of 1 relations of dev")
    told(survey_of(tmp_path, docs), "good", "max_distance = null loses no relation of dev")


def test_relations_across_sentences(tmp_path):
    doc = make_doc([(0, 1, "met"), (0, 2, "in")])
    for token in doc:
        token.is_sent_start = token.i in (0, 3)
    told(survey_of(tmp_path, [doc]), "info", "0 are of overlapping spans and 1 go across sentences")


def test_arguments_that_are_no_gold_spans(tmp_path):
    doc, bare = make_doc([(0, 1, "met")]), make_doc([(0, 1, "met")])
    doc.spans["sc"] = [span for span in doc.spans["sc"] if span.text != "Bob"]
    del bare.spans["sc"]
    survey = survey_of(tmp_path, [doc, bare])
    told(survey, "warning", "among the gold spans in doc.spans['sc'], so that nothing teaches a")
    told(survey, "warning", "Ada met [Bob] in Ulm.")
    told(survey, "warning", "1 documents of train have relations, but no gold spans in doc.spans")


def test_misaligned_arguments(tmp_path):
    words = (["Ada", "met", "Bo", "b", "in", "Ulm", "."], [1, 1, 0, 1, 1, 0, 0])
    doc = spacy.tokens.Doc(EN.vocab, *words)
    doc.spans["sc"] = [doc[0:1], doc[2:3]]
    set_relations(doc, [Relation(doc[0:1], doc[2:3], "met"), Relation(doc[0:1], doc[2:4], "met")])
    survey = survey_of(tmp_path, [doc])
    told(
        survey, "warning", "1 of 2 relations of train have an argument that does not begin and end"
    )
    told(survey, "warning", "such as in 'Ada met Bob in Ulm.'")


@pytest.mark.parametrize("n", [1, 200])
def test_pairs_of_labels_that_are_not_in_training(tmp_path, n):
    train = [make_doc([(0, 1, "met"), (0, 2, "in")])]
    dev = [make_doc([(0, 1, "met")]) for _ in range(n)] + [make_doc([(0, 1, "in")])]
    survey = survey_of(tmp_path, train, dev)
    text = f"1 of {n + 1} relations of dev ({1 / (n + 1):.2%}) are between spans of labels that"
    if n == 1:
        assert told(survey, "warning", text) == ('type_pairs = "any"',)
    else:
        assert told(survey, "info", text) is None
    told(survey_of(tmp_path, train, dev, type_pairs="any"), "info", text)
    # Without direction, both orders of the labels are known.
    dev = [make_doc([(2, 0, "in")])]
    told(survey_of(tmp_path, train, dev, symmetric=["in"]), "good", "0 of 1 relations of dev")


def test_documents_that_are_not_annotated(tmp_path):
    docs = [make_doc([(0, 1, "met")]), make_doc(None)]
    text = "1 of 2 documents of train lack the group 'relations'"
    assert told(survey_of(tmp_path, docs), "warning", text) == ('missing = "negative"',)
    assert told(survey_of(tmp_path, [*docs, make_doc([])]), "warning", "(1 others have an") is None
    told(survey_of(tmp_path, docs, missing="negative"), "info", "count as documents without")
    told(survey_of(tmp_path, [make_doc([])]), "error", "train has no gold relation: all groups")
    told(survey_of(tmp_path, [make_doc(None)]), "error", "train has no gold relations: no document")


def test_relations_that_spacy_dropped(tmp_path):
    doc = make_doc([(0, 1, "met")])
    doc.spans["relations"] = list(doc.spans["relations"])
    survey = survey_of(tmp_path, [doc, make_doc([(0, 1, "met")])])
    told(
        survey, "warning", "1 of 2 documents of train have the group 'relations', but not its attrs"
    )
    told(survey_of(tmp_path, [doc]), "error", "train has no gold relations")


def test_dangling_relations_are_an_error(tmp_path):
    doc = make_doc([(0, 1, "met")])
    group = doc.spans["relations"]
    doc.spans["relations"] = SpanGroup(
        doc, name="relations", spans=list(group), attrs={"relations": [[0, 2, "met"]]}
    )
    survey = survey_of(tmp_path, [doc, make_doc([(0, 1, "met")])])
    told(survey, "error", "Relations of 1 documents of train cannot be read, and training stops at")
    told(survey, "error", "must be places among 2 spans, from 0, was: [0, 2, 'met']")


def test_another_group(tmp_path):
    survey = survey_of(tmp_path, sample_docs(), relations_key="mine")
    assert told(survey, "error", "no document has some in the group 'mine', but 5 have in") == (
        'relations_key = "relations"',
    )
    # What the weights should name when the key is mended.
    told(survey, "good", "names relations_f")
    path = save(tmp_path / "b.spacy", sample_docs())
    code, output = run(path, "--relations-key", "mine")
    assert (code, "Use --relations-key relations" in output) == (1, True)
    code, output = run(path, "--relations-key", "sc")
    assert (code, "--spans-key and --relations-key must differ, because" in output) == (1, True)


def test_labels(tmp_path):
    dev = [make_doc([(0, 1, "liked")])]
    survey = survey_of(tmp_path, sample_docs(), dev, low=2, label_thresholds=[["NO", 0.2]])
    told(survey, "warning", "Low number of examples (below 2) for 1 label: KNOWS (1)")
    told(survey, "warning", "1 label of dev never learned, as train lacks them: liked (1)")
    told(survey, "info", "4 labels of train never scored")
    told(survey, "error", "label_thresholds of 'relation_pointer' names labels that it will not")
    survey = survey_of(tmp_path, sample_docs(), symmetric=["NOBODY"])
    told(survey, "error", "symmetric of 'relation_pointer' names labels that it will not have")


def test_max_relations(tmp_path):
    survey = survey_of(tmp_path, sample_docs(), max_relations=3)
    text = "A document of train has 4 relations, but max_relations = 3"
    assert told(survey, "warning", text) == ("max_relations = 8",)


def joint(listed, **settings):
    """A pipeline whose spans come from a component with a shared encoder."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
    nlp.add_pipe("global_pointer", config={"model": {"tok2vec": listener}})
    nlp.add_pipe("relation_pointer", config=settings)
    nlp.config["training"]["annotating_components"] = listed
    return nlp


@pytest.mark.parametrize(
    ("listed", "settings", "level", "part", "lines"),
    [
        (["tok2vec", "global_pointer"], {}, "good", "joins the spans in doc.spans['sc']", None),
        (["global_pointer"], {}, "error", "must be one of them too, but 'tok2vec'", True),
        ([], {}, "warning", "is not one of the annotating_components", True),
        ([], {"candidates": "gold"}, "good", "joins the spans in", None),
        ([], {"spans": "x"}, "error", "but no component before it writes them", None),
        ([], {"spans": None}, "error", "joins the spans in doc.ents, but no component", None),
    ],
)
def test_the_source_of_spans(tmp_path, listed, settings, level, part, lines):
    survey = look(tmp_path, joint(listed, **settings), sample_docs(), sample_docs())
    expected = ('annotating_components = ["tok2vec", "global_pointer"]',) if lines else None
    assert told(survey, level, part) == expected


def test_score_weights_of_another_key(tmp_path):
    docs = sample_docs()
    for doc in docs:
        group = doc.spans["relations"]
        doc.spans["mine"] = SpanGroup(doc, name="mine", spans=list(group), attrs=dict(group.attrs))
        del doc.spans["relations"]
    survey = survey_of(tmp_path, docs, relations_key="mine")
    lines = told(survey, "error", "does not name mine_f: the training log would not show")
    assert lines[:2] == ("mine_f = 1.0", "mine_p = 0.0")
    assert "relations_f = null" in lines


def test_the_advised_lines_mend_the_config(tmp_path):
    docs = [make_doc([(0, 1, "met"), (1, 0, "met"), (2, 2, "near"), (0, 2, "in")])] * 10
    nlp = joint(["global_pointer"], max_distance=1, relations_key="x")
    survey = look(tmp_path, nlp, docs, docs)
    config = nlp.config.copy()
    for advice in {finding.advice for finding in survey.all_findings() if finding.advice}:
        section = config
        for name in advice.section.split("."):
            section = section[name]
        for line in advice.lines:
            name, _, value = line.partition(" = ")
            section[name] = json.loads(value)
    nlp = joint([])
    for name, section in (("components", config["components"]), ("training", config["training"])):
        nlp.config[name].update(section)
    config["paths"] = {name: str(tmp_path / f"{name}.spacy") for name in ("train", "dev")}
    config.to_disk(tmp_path / "b.cfg")
    survey = debug_config(str(tmp_path / "b.cfg"), low=1)
    lines = {line for f in survey.related[0].findings if f.advice for line in f.advice.lines}
    # Now that the relations are found, it is said what is lost of them.
    assert lines == {"allow_self = true", 'symmetric = ["met"]', "max_distance = 7"}
    assert [f.text for f in survey.related[0].findings if f.level == "error"] == []


def test_a_config_with_relations_alone_tells_of_missing_documents(tmp_path):
    survey = survey_of(tmp_path, sample_docs(), [])
    assert survey.cases == []
    assert "dev has no documents. Is its path right?" in [finding.text for finding in survey.shared]


def test_a_reader_that_cuts_documents(tmp_path):
    docs = sample_docs()
    for doc in docs:
        for token in doc:
            token.is_sent_start = token.i == 0
    survey = look(tmp_path, make_relation_nlp(), docs, docs, gold_preproc=True)
    told(survey, "error", "The reader cuts documents and loses their groups")
    told(survey, "error", "[corpora.train] reads 0 of")


def test_a_frozen_component(tmp_path):
    nlp = joint(["tok2vec", "global_pointer"])
    nlp.config["training"]["frozen_components"] = ["relation_pointer"]
    survey = look(tmp_path, nlp, sample_docs(), sample_docs())
    told(survey, "info", "'relation_pointer' is frozen: it does not learn")


def test_components_with_one_key_are_rivals(tmp_path):
    nlp = joint(["tok2vec", "global_pointer"])
    nlp.add_pipe("relation_pointer", name="other")
    survey = look(tmp_path, nlp, sample_docs(), sample_docs())
    assert len(survey.related) == 2
    for case in survey.related:
        assert any("all write doc.spans['relations']" in finding.text for finding in case.findings)


def test_options_of_data_files_are_refused_with_a_config(tmp_path):
    make_relation_nlp().config.to_disk(tmp_path / "a.cfg")
    code, output = run(tmp_path / "a.cfg", "--relations-key", "x")
    assert (code, "--relations-key must only be given with data files" in output) == (1, True)
