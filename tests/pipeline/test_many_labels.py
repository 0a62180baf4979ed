"""Many labels: adding them, and a model with an extractor for each."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy
from samples import LABELS, make_examples, make_nlp, train

from spacy_globalpointer.pipeline import labelled


@pytest.fixture
def resized(monkeypatch):
    """Numbers of labels that models were given."""
    seen, resize = [], labelled.resize_output

    def spy(model, n_labels):
        seen.append(n_labels)
        return resize(model, n_labels)

    monkeypatch.setattr(labelled, "resize_output", spy)
    return seen


@pytest.mark.filterwarnings("ignore:.*(writes them|does not name|no spans|has none)")
@pytest.mark.parametrize("name", ["global_pointer", "relation_pointer", "event_pointer"])
def test_a_model_grows_once_for_all_new_labels(name, resized):
    """Growing copies the weights, so that n labels one by one would cost n * n."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(name)
    pipe.add_label("first")
    nlp.initialize()
    resized.clear()
    added = [f"label {i}" for i in range(50)]
    assert [pipe.add_label(label) for label in added * 2] == [1] * 50 + [0] * 50
    assert pipe.labels == ("first", *added)
    assert resized == []
    assert pipe.model.get_dim("nO") == 51
    assert pipe.predict([nlp.make_doc("Anna left Ulm.")])
    assert resized == [51]


@pytest.mark.parametrize("use", ["bytes", "averages", "copy", "threads"])
def test_whoever_uses_the_model_finds_all_labels_in_it(use, resized):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=2)
    pipe = nlp.get_pipe("global_pointer")
    pipe.add_label("NEW")
    resized.clear()
    if use == "bytes":
        other = spacy.blank("en", config=nlp.config).from_bytes(nlp.to_bytes())
        assert other.get_pipe("global_pointer").labels == (*LABELS, "NEW")
    elif use == "averages":
        next(pipe.use_params({}))
    elif use == "copy":
        nlp.resume_training()
        assert pipe._rehearsal_model.get_dim("nO") == 4
    else:
        with ThreadPoolExecutor(8) as pool:
            assert len(list(pool.map(nlp, ["Anna left Ulm."] * 16))) == 16
    assert resized == [4]


def test_a_model_that_is_loaded_forgets_labels_that_were_added(resized):
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=2)
    saved = nlp.to_bytes()
    nlp.get_pipe("global_pointer").add_label("NEW")
    pipe = nlp.from_bytes(saved).get_pipe("global_pointer")
    assert pipe.labels == tuple(LABELS)
    assert pipe.model.get_dim("nO") == 3
    assert pipe.add_label("NEW") == 1
    assert pipe.model.get_dim("nO") == 4
