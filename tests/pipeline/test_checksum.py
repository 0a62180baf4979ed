import random
import shutil
import warnings

import pytest
from event_samples import make_event_examples, make_event_nlp
from relation_samples import make_relation_examples, make_relation_nlp
from samples import make_examples, make_nlp
from spacy.util import load_model

from spacy_globalpointer.pipeline.checksum import CHECKSUM

KINDS = {
    "global_pointer": (make_nlp, make_examples),
    "relation_pointer": (make_relation_nlp, make_relation_examples),
    "event_pointer": (make_event_nlp, make_event_examples),
}


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    """A saved pipeline, the folder of its component, and the pipeline."""
    make, annotate = KINDS[request.param]
    nlp = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing writes the spans to join
        nlp.initialize(lambda: annotate(nlp))
    folder = tmp_path_factory.mktemp(request.param) / "nlp"
    nlp.to_disk(folder)
    return folder, folder / request.param, nlp


def test_a_component_without_its_weights_is_named(saved, tmp_path):
    _, component, nlp = saved
    shutil.copytree(component, tmp_path / "own")
    (tmp_path / "own" / "model").unlink()
    with pytest.raises(
        OSError, match=r"own/model must be a file with the weights.*missing. To fix"
    ):
        nlp.get_pipe(component.name).from_disk(tmp_path / "own")


@pytest.mark.parametrize("file", ["model", CHECKSUM])
def test_every_flipped_bit_of_a_saved_component_is_noticed(saved, tmp_path, file):
    _, component, nlp = saved
    shutil.copytree(component, tmp_path / "own")
    path = tmp_path / "own" / file
    data = path.read_bytes()
    for place in random.Random(0).sample(range(8 * len(data)), 40):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{path.with_name('model')} must be as it was saved"):
            nlp.get_pipe(component.name).from_disk(path.parent)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "must be as it was saved"),
        (lambda path: path.write_bytes(b""), "must be as it was saved"),
        (lambda path: path.with_name(CHECKSUM).unlink(), "must have its checksum beside it"),
    ],
)
def test_a_component_cut_short_is_named(saved, tmp_path, damage, message):
    folder, component, _ = saved
    shutil.copytree(folder, tmp_path / "nlp")
    path = tmp_path / "nlp" / component.name / "model"
    damage(path)
    with pytest.raises(ValueError, match=f"{path} {message}"):
        load_model(tmp_path / "nlp")


def test_bytes_are_checked_too(saved):
    _, component, nlp = saved
    pipe = nlp.get_pipe(component.name)
    data = pipe.to_bytes(exclude=["vocab"])
    assert pipe.from_bytes(data).to_bytes(exclude=["vocab"]) == data
    names = (data.index(name) * 8 + 1 for name in (b"model", CHECKSUM.encode()))
    for place in (*names, *random.Random(0).sample(range(8 * len(data)), 40)):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(
            ValueError, match=f"the (model in the )?bytes of '{component.name}' must be"
        ):
            pipe.from_bytes(bytes(damaged))
    assert pipe.to_bytes(exclude=["vocab"]) == data, "nothing of damaged bytes was loaded"
    assert pipe.from_bytes(pipe.to_bytes(exclude=["model", "vocab"])) is pipe
