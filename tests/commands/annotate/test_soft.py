"""From a teacher to a student: `annotate --soft-key`, files, and what training reads of them."""

import json

import pytest
import spacy
from annotating import annotate
from samples import OWN, SENTENCES, make_examples, make_nlp, train
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from spacy.training import Corpus
from typer.testing import CliRunner

from spacy_globalpointer.commands.convert import convert
from spacy_globalpointer.pipeline import teacher as soft
from spacy_globalpointer.pipeline.soft_targets import read_probabilities


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """With another cut for a label, a limit, and components that write what gold has."""
    nlp = make_nlp(label_thresholds=[["GPE", 0.99]], max_spans=1, allow_overlap=False)
    train(nlp, make_examples(nlp), steps=12)
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "NIGHT", "pattern": "night"}])
    nlp.add_pipe("span_ruler", config={"spans_key": "ruled"})
    directory = tmp_path_factory.mktemp("teacher")
    nlp.to_disk(directory)
    return directory


@pytest.fixture
def gold(tmp_path):
    """Annotated documents, with entities."""
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_examples(nlp)]
    docs[0].set_ents([docs[0].spans["sc"][0]])
    DocBin(docs=docs).to_disk(tmp_path / "gold.spacy")
    return tmp_path / "gold.spacy"


def read_parts(folder):
    vocab = spacy.blank("en").vocab
    parts = sorted(folder.glob("*.spacy"))
    return [doc for path in parts for doc in DocBin().from_disk(path).get_docs(vocab)]


def test_gold_stays_beside_soft_spans(teacher, gold, tmp_path):
    annotate(str(teacher), [gold], tmp_path / "soft.spacy", soft_key="teacher")
    docs = read_parts(tmp_path / "soft.spacy")
    for doc, (text, spans) in zip(docs, SENTENCES, strict=True):
        assert doc.text == text
        assert [(span.text, span.label_) for span in doc.spans["sc"]] == spans
        assert "ruled" not in doc.spans
    assert [ent.label_ for doc in docs for ent in doc.ents] == ["ORG"]
    scores = [read_probabilities(doc.spans["teacher"], "teacher") for doc in docs]
    every = [score for own in scores for score in own]
    assert all(0.01 <= score <= 1 for score in every)
    assert any(score < 0.5 for score in every)
    assert max(map(len, scores)) > 1
    assert {"GPE"} < {span.label_ for doc in docs for span in doc.spans["teacher"]}


@pytest.mark.filterwarnings("ignore:.*finds at most one span of each label")
def test_the_limits_of_a_teacher_are_none_of_its_soft_labels(gold, tmp_path):
    nlp = make_nlp(one_per_label=True)
    train(nlp, make_examples(nlp), steps=12)
    nlp.to_disk(tmp_path / "teacher")
    annotate(str(tmp_path / "teacher"), [gold], tmp_path / "soft.spacy", soft_key="teacher")
    assert max(len(doc.spans["teacher"]) for doc in read_parts(tmp_path / "soft.spacy")) > 3


def test_a_student_learns_from_parts_of_annotated_and_of_raw_text(teacher, gold, tmp_path):
    (tmp_path / "raw.txt").write_text("Anna Berg of Rome met Victoria.\n")
    folder = tmp_path / "train"
    folder.mkdir()
    for path in (gold, tmp_path / "raw.txt"):
        annotate(str(teacher), [path], folder / f"{path.stem}.spacy", soft_key="teacher")
    student = make_nlp(soft_spans_key="teacher")
    corpus = Corpus(folder)
    student.initialize(lambda: corpus(student))
    examples = list(corpus(student))
    assert len(examples) == len(SENTENCES) + 1
    assert sum("sc" in example.reference.spans for example in examples) == len(SENTENCES)
    assert student.update(examples)["global_pointer"] > 0


def test_json_lines_bring_their_scores_back(teacher, tmp_path):
    lines = "".join(json.dumps({"text": text}) + "\n" for text, _ in SENTENCES)
    (tmp_path / "raw.jsonl").write_text(lines)
    annotate(str(teacher), [tmp_path / "raw.jsonl"], tmp_path / "out.jsonl", soft_key="teacher")
    annotate(str(teacher), [tmp_path / "raw.jsonl"], tmp_path / "out.spacy", soft_key="teacher")
    convert([tmp_path / "out.jsonl"], tmp_path / "back.spacy", spans_key="teacher")
    vocab = spacy.blank("en").vocab
    back = list(DocBin().from_disk(tmp_path / "back.spacy").get_docs(vocab))
    for one, other in zip(back, read_parts(tmp_path / "out.spacy"), strict=True):
        pairs = [
            {
                (span.start, span.end, span.label_): score
                for span, score in zip(doc.spans["teacher"], scores, strict=True)
            }
            for doc in (one, other)
            for scores in [read_probabilities(doc.spans["teacher"], "teacher")]
        ]
        assert pairs[0] == pytest.approx(pairs[1], abs=1e-6)


def test_a_shared_encoder_of_the_teacher_runs(gold, tmp_path):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    nlp = make_nlp(upstream=("tok2vec", {"model": OWN}), encoder=listener)
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path / "teacher")
    annotate(str(tmp_path / "teacher"), [gold], tmp_path / "soft.spacy", soft_key="teacher")
    assert any(len(doc.spans["teacher"]) for doc in read_parts(tmp_path / "soft.spacy"))


def test_lines_with_gold_are_set_aside(teacher, tmp_path):
    """Their spans would be lost, and with them what is certain."""
    rows = [{"text": "Anna went."}, {"text": "Anna went.", "spans": []}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    progress = annotate(
        str(teacher), [tmp_path / "in.jsonl"], tmp_path / "out.jsonl", soft_key="teacher"
    )
    assert (progress.n_docs, progress.n_rejected) == (1, 1)
    assert "must not replace the spans" in (tmp_path / "out.rejected.jsonl").read_text()


def test_a_run_does_not_go_on_with_another_threshold(teacher, gold, tmp_path, monkeypatch):
    def fail(self, *args):
        raise OSError(28, "No space left on device")

    options = {"soft_key": "teacher", "soft_threshold": 0.1}
    with monkeypatch.context() as context:
        context.setattr("spacy_globalpointer.commands.annotate.shards.Output.publish", fail)
        with pytest.raises(OSError, match="No space"):
            annotate(str(teacher), [gold], tmp_path / "soft.spacy", **options)
    with pytest.raises(ValueError, match="was: other soft labels"):
        annotate(str(teacher), [gold], tmp_path / "soft.spacy", soft_key="teacher")
    annotate(str(teacher), [gold], tmp_path / "soft.spacy", **options)
    scores = [
        read_probabilities(doc.spans["teacher"], "") for doc in read_parts(tmp_path / "soft.spacy")
    ]
    assert all(score >= 0.1 for own in scores for score in own)


def test_a_teacher_that_is_loaded_again_stays_one(teacher, tmp_path, monkeypatch):
    """It is, when it has seen many words."""
    monkeypatch.setattr("spacy_globalpointer.annotator.MOST_WORDS", -1)
    (tmp_path / "in.txt").write_text("Victoria was a queen.\n" * 4)
    annotate(
        str(teacher),
        [tmp_path / "in.txt"],
        tmp_path / "out.spacy",
        soft_key="teacher",
        shard_size=1,
    )
    assert [list(doc.spans) for doc in read_parts(tmp_path / "out.spacy")] == [["teacher"]] * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"soft_key": ""}, "soft_key must be the name of a group"),
        ({"soft_key": "sc"}, r"soft_key must be another group.*\(sc\).*was: 'sc'"),
        ({"soft_key": "t", "soft_threshold": 0.0}, "soft_threshold must be.*was: 0.0. To fix"),
        ({"soft_key": "t", "soft_threshold": 1.0}, "soft_threshold must be.*was: 1.0"),
        ({"soft_key": "t", "spans_key": "x"}, r"one active component.*was: 0 .*spans_key: sc"),
    ],
)
def test_wrong_options_are_refused(teacher, gold, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        annotate(str(teacher), [gold], tmp_path / "soft.spacy", **options)


def test_one_of_several_components_is_chosen():
    nlp = make_nlp()
    nlp.add_pipe("global_pointer", "second", config={"spans_key": "other"})
    with pytest.raises(ValueError, match=r"was: 2 .*choose one with --spans-key"):
        soft.teach(nlp, soft.SoftLabels("t", 0.1), None)
    soft.teach(nlp, soft.SoftLabels("t", 0.1), "other")
    assert nlp.pipe_names == ["second"]
    assert nlp.get_pipe("second").key == "t"


def test_command_writes_soft_labels(teacher, gold, tmp_path):
    output = tmp_path / "soft.spacy"
    arguments = ["global-pointer", "annotate", teacher, gold, output, "--soft-key", "t"]
    result = CliRunner().invoke(spacy_app, [*map(str, arguments), "--soft-threshold", "0.2"])
    assert result.exit_code == 0
    assert all(set(doc.spans) == {"sc", "t"} for doc in read_parts(output))
