"""`spacy global-pointer init-config --events`."""

import pytest
import spacy
from event_samples import EVENT_LABELS, HAPPENED, LABELLED, make_event_examples
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_globalpointer import has_events
from spacy_globalpointer.commands import app as our_app


def run(app, *arguments):
    """Exit code and what was printed, one space between words."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, " ".join(result.output.split())


def init(*arguments):
    return run(our_app, "init-config", *arguments)


@pytest.fixture
def config(tmp_path):
    return tmp_path / "config.cfg"


def write_data(path, samples=HAPPENED):
    nlp = spacy.blank("en")
    docs = [example.reference for example in make_event_examples(nlp, samples)]
    for doc in docs:
        # What gold events are made of is what a user's group of spans has.
        doc.spans["sc"] = sorted({(s.start, s.end, s.label_): s for s in doc.spans["sc"]}.values())
    DocBin(docs=docs * 10).to_disk(path)
    return path


def settings(path):
    return load_config(path)["components"]["event_pointer"]


# After two steps, spans and events are found nearly everywhere.
@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
@pytest.mark.filterwarnings("ignore:.*documents have more spans in question")
@pytest.mark.filterwarnings("ignore:.*read events from only the best:UserWarning")
@pytest.mark.filterwarnings("ignore:.*left out .* arguments of triggers:UserWarning")
@pytest.mark.filterwarnings("ignore:.*found only some of the events:UserWarning")
def test_events_are_learned_with_their_triggers_and_arguments(config, tmp_path):
    data = write_data(tmp_path / "train.spacy")
    code, out = init(config, "--events", "--data", data)
    assert (code, "140 events of 5 types" in out, "allow_self" in out) == (0, True, False)
    written = load_config(config)
    assert settings(config)["trigger"] is True
    assert settings(config)["threshold"] == 0.3
    labels = written["initialize"]["components"]
    assert labels["event_pointer"] == {"labels": EVENT_LABELS}
    assert set(labels["global_pointer"]["labels"]) >= {"Meet", "Quit", "PER"}
    paths = ["--paths.train", data, "--paths.dev", data]
    steps = ["--training.max_steps", 2, "--training.eval_frequency", 1]
    output = tmp_path / "training"
    assert run(spacy_app, "train", config, *paths, *steps, "--output", output)[0] == 0
    nlp = spacy.load(output / "model-last")
    assert nlp.pipe_names == ["tok2vec", "global_pointer", "event_pointer"]
    assert has_events(nlp("Anna met Bob."))


def test_no_link_is_learned_where_no_events_share_a_trigger(config, tmp_path):
    samples = [sample for sample in HAPPENED if not sample[0].startswith("Smoke")]
    assert init(config, "--events", "--data", write_data(tmp_path / "a.spacy", samples))[0] == 0
    labels = load_config(config)["initialize"]["components"]["event_pointer"]["labels"]
    assert labels == EVENT_LABELS[1:]


def test_data_decide_whether_events_have_triggers(config, tmp_path):
    data = write_data(tmp_path / "train.spacy", LABELLED)
    code, out = init(config, "--events", "--data", data)
    assert (code, "trigger = false: no event has a trigger" in out) == (0, True)
    assert settings(config)["trigger"] is False
    labels = load_config(config)["initialize"]["components"]["event_pointer"]["labels"]
    assert labels == ["Pay", "Sell"]


def test_a_trigger_that_is_its_own_argument_is_allowed(config, tmp_path):
    own = ("Bob sleeps.", [("sleeps", "Sleep")], [("Sleep", 0, [("how", 0)])])
    data = write_data(tmp_path / "train.spacy", [*HAPPENED, own])
    code, out = init(config, "--events", "--data", data)
    wanted = "allow_self = true: 10 events have their own trigger as an argument"
    assert (code, wanted in out, settings(config)["allow_self"]) == (0, True, True)


def test_events_join_spans_of_another_key(config):
    assert init(config, "--events", "--spans-key", "my_key")[0] == 0
    written = load_config(config).interpolate()
    assert written["components"]["event_pointer"]["spans"] == "my_key"
    weights = written["training"]["score_weights"]
    assert (weights["events_f"], weights["spans_my_key_f"]) == (0.6, 0.4)
    assert weights["spans_sc_f"] is None


def test_a_role_that_a_config_cannot_hold_is_left_to_training(config, tmp_path):
    paid = ("Bob paid.", [("Bob", "PER"), ("paid", "Pay")], [("Pay", 1, [("US$", 0)])])
    code, out = init(config, "--events", "--data", write_data(tmp_path / "a.spacy", [paid]))
    assert (code, "The config lists no roles: training will find them" in out) == (0, True)
    assert "event_pointer" not in load_config(config)["initialize"]["components"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--relations"], "--relations must not be given with --events, was: both. To fix"),
        (["--symmetric", "near"], "--symmetric must only be given with --relations, was: near"),
        (["--ner", "some"], "--ner must only be given with --relations, was: some"),
        (
            ["--encoder", "hybrid"],
            "--encoder must be one of tok2vec, transformer with --events, was: hybrid. To fix",
        ),
        (["--data", "SPANS"], "--data must have gold events, was: data without. To fix"),
        (["--data", "EMPTY"], "--data must have gold events, was: data has no gold event"),
    ],
)
def test_events_that_cannot_be_written_are_an_error(config, tmp_path, arguments, message):
    paths = {
        "SPANS": write_data(tmp_path / "spans.spacy", [(*HAPPENED[0][:2], None)]),
        "EMPTY": write_data(tmp_path / "empty.spacy", [(*HAPPENED[0][:2], [])]),
    }
    code, out = init(config, "--events", *(paths.get(x, x) for x in arguments))
    assert (code, config.exists()) == (1, False)
    assert "".join(message.split()) in "".join(out.split())
