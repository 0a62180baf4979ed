"""At most one span of each label in a text: the loss, the setting, and the recipe for both."""

import random
import warnings

import numpy
import pytest
import spacy
from samples import make_example, make_examples, make_nlp, train
from spacy.tokens import Doc, Span
from spacy.training import Example

EXPECTED_F1 = {"@losses": "spacy_globalpointer.ExpectedF1.v1"}
ZLPR = {"@losses": "spacy_globalpointer.ZLPR.v1"}
WHO, WHAT = ["Ann", "Bob", "Tom", "Eva"], ["car", "boat", "lamp", "coat", "ring"]
HOW = ["big", "red", "old", "blue", "new", "cold"]


def make_text(vocab, generator, answered=True):
    """Who sold what? Two or three sentences, one of them with the answer."""
    verbs = ["kept", "lost"] + ["sold"] * answered
    generator.shuffle(verbs)
    words, answer = [], None
    for verb in verbs:
        words += [generator.choice(WHO), verb, "the"]
        start = len(words)
        words += [*generator.choices(HOW, k=generator.randint(0, 3)), generator.choice(WHAT)]
        answer = (start, len(words)) if verb == "sold" else answer
        words.append(".")
    doc = Doc(vocab, words=words)
    doc.spans["sc"] = [Span(doc, *answer, label="SOLD")] if answer else []
    return doc


def without_spans(doc):
    return Doc(doc.vocab, words=[token.text for token in doc])


def token_f1(span, gold):
    common = max(0, min(span.end, gold.end) - max(span.start, gold.start))
    return 2 * common / (len(span) + len(gold))


def mean_f1(nlp, docs):
    """Mean token F1; 1 for a text without an answer in which none is found."""
    total = 0.0
    for gold in docs:
        doc = nlp(without_spans(gold))
        spans, answers = list(doc.spans["sc"]), list(gold.spans["sc"])
        assert len(spans) <= 1
        total += token_f1(*spans, *answers) if spans and answers else len(spans) == len(answers)
    return total / len(docs)


def train_one_span(docs, loss, steps, **settings):
    nlp = make_nlp(loss=loss, one_per_label=True, **settings)
    train(nlp, [Example(without_spans(doc), doc) for doc in docs], steps, 0.01)
    return nlp


@pytest.fixture(scope="module")
def texts():
    generator, vocab = random.Random(0), spacy.blank("en").vocab
    return [make_text(vocab, generator, answered=place % 4 > 0) for place in range(48)]


def test_one_span_per_text(texts):
    """A threshold of 0.5 finds a span where one is likelier than none."""
    learned, others = texts[:32], texts[32:]
    nlp = train_one_span(learned, EXPECTED_F1, 60)
    assert mean_f1(nlp, learned) > 0.95
    assert mean_f1(nlp, others) > 0.85
    # Exactly one, whatever its score.
    nlp.get_pipe("global_pointer").cfg["threshold"] = 0.0
    assert all(len(nlp(without_spans(doc)).spans["sc"]) == 1 for doc in others)


def test_uncertain_borders():
    """A text annotated in three ways: ZLPR finds the most frequent span, expected F1 the middle."""
    vocab = spacy.blank("en").vocab
    docs = []
    for length in [1] * 4 + [3] * 3 + [5] * 3:
        doc = Doc(vocab, words=["the", "big", "red", "old", "cold", "car", "was", "sold"])
        doc.spans["sc"] = [Span(doc, 6 - length, 6, label="SOLD")]
        docs.append(doc)
    scores, found = [], []
    for loss in (ZLPR, EXPECTED_F1):
        nlp = train_one_span(docs, loss, 60, threshold=0.0)
        doc = nlp(without_spans(docs[0]))
        found.append(doc.spans["sc"][0].text)
        scores.append(mean_f1(nlp, docs))
    assert found == ["car", "old cold car"]
    assert scores == pytest.approx([0.65, 0.725])


def test_best_span_of_each_label_is_kept():
    nlp = make_nlp()
    examples = make_examples(nlp)
    train(nlp, examples, 20)
    pipe = nlp.get_pipe("global_pointer")
    for threshold in (0.0, 0.5):
        for example in examples:
            pipe.cfg.update(threshold=threshold, one_per_label=False, max_spans=10_000)
            best = {}
            doc = nlp(example.text)
            for span, score in zip(doc.spans["sc"], doc.spans["sc"].attrs["scores"], strict=True):
                best[span.label_] = max(best.get(span.label_, 0.0), score)
            pipe.cfg.update(one_per_label=True, max_spans=None)
            doc = nlp(example.text)
            labels = [span.label_ for span in doc.spans["sc"]]
            assert sorted(labels) == sorted(best)
            expected = numpy.array([best[label] for label in labels], dtype="f")
            numpy.testing.assert_allclose(doc.spans["sc"].attrs["scores"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    "settings", [{"rescorer": {}}, {"head": "GlobalPointer"}, {"max_length": 6}]
)
def test_loss_composes(settings, tmp_path):
    nlp = make_nlp(loss=EXPECTED_F1, one_per_label=True, **settings)
    example = make_example(nlp, "Anna Berg met Ulm.", [("Anna Berg", "PERSON"), ("Ulm", "GPE")])
    train(nlp, [example], 40, 0.01)
    doc = nlp(example.text)
    assert {(span.text, span.label_) for span in doc.spans["sc"]} == {
        ("Anna Berg", "PERSON"),
        ("Ulm", "GPE"),
    }
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)(example.text)
    assert loaded.spans["sc"].attrs["scores"] == pytest.approx(doc.spans["sc"].attrs["scores"])
    assert len(loaded.spans["sc"]) == 2


def test_the_loss_without_the_setting_is_said():
    nlp = make_nlp(loss=EXPECTED_F1)
    example = make_example(nlp, "Anna met Ulm.", [("Anna", "PERSON")])
    with pytest.warns(UserWarning, match="but may find several, because one_per_label = false. To"):
        nlp.initialize(lambda: [example])


def test_texts_with_several_spans_of_a_label_are_said():
    nlp = make_nlp(one_per_label=True)
    with pytest.warns(UserWarning, match="but 1 of 5 documents of the training data have several"):
        nlp.initialize(lambda: make_examples(nlp))
    nlp = make_nlp()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("block", [{"likelihood": -1.0}, {"entropy": -0.1}])
def test_bad_settings_are_said_when_the_component_is_built(block):
    (name,) = block
    with pytest.raises(ValueError, match=f"{name} must be a weight of at least 0 and finite"):
        make_nlp(loss={**EXPECTED_F1, **block})


@pytest.mark.parametrize("factory", ["relation_pointer", "event_pointer"])
def test_loss_is_not_one_of_pairs(factory):
    with pytest.raises(ValueError, match="scores pairs of spans, but ExpectedF1 is a loss of"):
        spacy.blank("en").add_pipe(factory, config={"loss": EXPECTED_F1})
