"""How long spans may be, and what is found in texts that are longer than those of the training."""

import warnings

import pytest
import spacy
from samples import LABELS, SENTENCES, found, make_example, make_examples, make_nlp, train
from spacy.training import Example

from spacy_globalpointer.pipeline import global_pointer, limits
from spacy_globalpointer.pipeline.limits import with_margin

LONGEST = 6  # tokens of "Bank of the City of Rome"
README = "The Bank of the City of Rome hired Anna."
SPANS = {"sc": [(4, 28, "ORG"), (16, 28, "ORG"), (24, 28, "GPE"), (35, 39, "PERSON")]}


@pytest.fixture(scope="module")
def trained():
    nlp = make_nlp()
    train(nlp, make_examples(nlp))
    return nlp


def test_a_text_repeated_has_its_spans_repeated():
    """Trained on one sentence only, as in the README."""
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer")
    examples = [Example.from_dict(nlp.make_doc(README), {"spans": SPANS})]
    nlp.initialize(lambda: examples)
    for _ in range(50):
        nlp.update(examples)
    once = found(nlp(README))
    assert len(once) == 4
    assert found(nlp(" ".join([README] * 5))) == 5 * once


@pytest.mark.parametrize("head", ["EfficientGlobalPointer", "GlobalPointer"])
@pytest.mark.parametrize("per", ["document", "start"])
@pytest.mark.parametrize("max_length", ["auto", None])
def test_texts_in_a_row_have_the_spans_of_each(head, per, max_length):
    loss = {"@losses": "spacy_globalpointer.ZLPR.v1", "per": per}
    nlp = make_nlp(head, loss=loss, max_length=max_length)
    train(nlp, make_examples(nlp), steps=150)
    expected = [span for _, spans in SENTENCES for span in spans]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*far longer")
        together = found(nlp(" ".join(text for text, _ in SENTENCES)))
    # The encoder has never seen what stands around the border of two sentences.
    assert len(set(expected) ^ set(together)) <= 2
    assert len(together) <= len(expected) + 2


def test_rehearsal_knows_borders_too(trained):
    nlp = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    optimizer = nlp.resume_training()
    raw = [Example(nlp.make_doc(text), nlp.make_doc(text)) for text, _ in SENTENCES]
    for _ in range(5):
        nlp.get_pipe("global_pointer").rehearse(raw, sgd=optimizer)
    long = nlp(" ".join(text for text, _ in SENTENCES * 4))
    assert max(len(span) for span in long.spans["sc"]) <= LONGEST


def test_auto_is_the_longest_gold_span_with_a_margin(trained, tmp_path):
    pipe = trained.get_pipe("global_pointer")
    assert pipe.max_length == with_margin(LONGEST) == 10
    assert with_margin(40) == 60
    trained.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("global_pointer").max_length == 10
    other = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    assert other.get_pipe("global_pointer").max_length == 10
    fixed = spacy.load(tmp_path, config={"components.global_pointer.max_length": 2})
    assert fixed.get_pipe("global_pointer").max_length == 2
    doc = fixed(SENTENCES[1][0])
    assert max(len(span) for span in doc.spans["sc"]) <= 2
    free = spacy.load(tmp_path, config={"components.global_pointer.max_length": None})
    assert free.get_pipe("global_pointer").max_length is None


def test_auto_grows_with_longer_spans_in_training(trained):
    """A label that comes later, or a corpus of which initialize has seen a part."""
    nlp = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("QUOTE")
    quote = "and so they went on and on until the night was over and gone"
    example = make_example(nlp, f"He said {quote}.", [(quote, "QUOTE")])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.005
    for _ in range(60):
        nlp.update([example, *make_examples(nlp)], sgd=optimizer)
    assert pipe.max_length == with_margin(14)
    assert found(nlp(example.reference.text)) == [(quote, "QUOTE")]


def test_initializing_again_forgets_the_bound_of_before(trained):
    nlp = spacy.blank("en", config=trained.config).from_bytes(trained.to_bytes())
    nlp.initialize(lambda: [make_example(nlp, "Rome closed.", [("Rome", "GPE")])])
    assert nlp.get_pipe("global_pointer").max_length == with_margin(1)


def test_without_data_auto_is_no_limit():
    nlp = make_nlp()
    nlp.config["initialize"]["components"]["global_pointer"] = {"labels": LABELS}
    nlp.initialize()
    pipe = nlp.get_pipe("global_pointer")
    assert pipe.max_length is None
    nlp.update(make_examples(nlp))
    assert pipe.max_length == with_margin(LONGEST)


@pytest.mark.parametrize("value", ["Auto", "", 0, -1, 2.5, True])
def test_other_bounds_are_errors(value):
    # spaCy refuses what is no number and no string.
    message = r"max_length must be \"auto\", a whole number of|max_length\s.* is not <class"
    with pytest.raises(ValueError, match=message):
        make_nlp().add_pipe("global_pointer", name="other", config={"max_length": value})


def test_long_texts_without_a_bound_are_warned_of_once():
    nlp = make_nlp(max_length=None)
    train(nlp, make_examples(nlp), steps=2)
    nlp("Rome closed. " * 6)
    with pytest.warns(
        UserWarning, match=r"trained on texts of up to .* with 903\. .*\"auto\""
    ) as seen:
        list(nlp.pipe(["Rome", "Rome closed. " * 301, "Ulm left. " * 301]))
    assert len([x for x in seen if "trained on texts" in str(x.message)]) == 1
    nlp("Anna closed. " * 301)  # warnings are errors here
    bounded = make_nlp()
    train(bounded, make_examples(bounded), steps=2)
    bounded("Rome closed. " * 301)


@pytest.mark.parametrize("step", ["predict", "update"])
def test_a_text_with_too_many_spans_is_warned_of_before_they_are_scored(step, monkeypatch):
    monkeypatch.setattr(limits, "SQUARE", 900)
    nlp = make_nlp(max_length=None)
    train(nlp, make_examples(nlp), steps=1)
    pipe = nlp.get_pipe("global_pointer")
    pipe.model.attrs["longest_text"] = 903
    doc = nlp.make_doc("Rome closed. " * 301)
    doc.spans["sc"] = []

    def refuse(*arguments, **options):
        raise KeyboardInterrupt

    where = "predict_spans" if step == "predict" else "annotation_loss"
    monkeypatch.setattr(global_pointer, where, refuse)
    message = r"one of 903 tokens has 4.1e\+05, as max_length is null.*max_length = \"auto\""
    with pytest.warns(UserWarning, match=message), pytest.raises(KeyboardInterrupt):
        pipe.predict([doc]) if step == "predict" else nlp.update([Example(doc, doc)])
