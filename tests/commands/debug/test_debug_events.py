import json

import pytest
import spacy
from event_samples import HAPPENED, LABELLED, make_event_example, make_event_nlp
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin, Span
from typer.testing import CliRunner

from spacy_globalpointer.commands.debug.survey import debug_config, debug_data
from spacy_globalpointer.events import Argument, Event, get_events, set_events

EN = spacy.blank("en")


def make_doc(text, spans, events):
    return make_event_example(EN, text, spans, events, predicted=False).reference


def sample_docs(samples=HAPPENED):
    return [make_doc(*sample) for sample in samples]


def cause(*events):
    """A document in which dust causes several things."""
    spans = [("Dust", "THING"), ("causes", "Cause"), ("asthma", "ILL"), ("cancer", "ILL")]
    return make_doc("Dust causes asthma, cancer.", spans, events)


def save(path, docs):
    DocBin(docs=docs).to_disk(path)
    return str(path)


def look(tmp_path, nlp, train, dev=None, *, low=1):
    config = nlp.config.copy()
    config["paths"] = {
        name: save(tmp_path / f"{name}.spacy", docs)
        for name, docs in (("train", train), ("dev", train if dev is None else dev))
    }
    config.to_disk(tmp_path / "a.cfg")
    return debug_config(str(tmp_path / "a.cfg"), low=low)


def survey_of(tmp_path, train, dev=None, *, low=1, **settings):
    """What is found with a config; `settings` of event_pointer."""
    return look(tmp_path, make_event_nlp(**settings), train, dev, low=low)


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


def test_events_without_any_argument_are_nothing_to_learn(tmp_path):
    docs = sample_docs([HAPPENED[5], HAPPENED[7]])
    told(survey_of(tmp_path, docs), "error", "No event of train has an argument")
    code, shown = run(save(tmp_path / "a.spacy", docs))
    assert (code, "No event of data has an argument" in shown) == (1, True)
    docs = sample_docs([HAPPENED[4], HAPPENED[7]])
    (case,) = survey_of(tmp_path, docs).related
    assert not any("nothing to learn" in finding.text for finding in case.findings)


def test_good_events_have_no_problems(tmp_path):
    survey = survey_of(tmp_path, sample_docs())
    (case,) = survey.related
    assert {f.level for f in case.findings if f.topic != "config"} == {"good", "info"}
    split = case.splits["train"]
    assert split.labels == {"Meet": 3, "Cause": 4, "Quit": 3, "War": 2, "Flee": 2}
    assert split.roles == {"who": 8, "where": 3, "of": 4, "what": 4}
    assert (split.n_annotated, split.n_empty, split.most) == (12, 2, 3)
    assert (split.most_arguments, split.most_events) == (3, 2)
    assert split.sizes == {0: 4, 1: 2, 2: 7, 3: 1}
    text = (
        "Of 14 events of train, 2 share their trigger, 1 have a trigger as an argument, 4 have no"
    )
    told(survey, "info", text)
    told(survey, "good", "All triggers and arguments of events of train are gold spans in")
    told(survey, "good", "All events of train follow from their edges")


def test_data_files_have_a_section_if_they_have_events(tmp_path):
    path = save(tmp_path / "a.spacy", sample_docs())
    code, output = run(path, "--output", tmp_path / "o.json", "--low", 1)
    assert code == 0
    for part in (
        "Name of the group of events: events",
        "✔ All 12 documents of data have the group 'events', which has no event in 2",
        "type data trigger shared nested no argument",
        "Cause 4 2 1 0",
        "all 14 2 1 4",
        "role data p50 (tokens) p90 max",
        "Every type has 1 examples or more",
        "Every role has 1 examples or more",
    ):
        assert part in output
    report = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    own = report["components"]["event_pointer"]["splits"]["data"]
    assert own["labels"]["Meet"] == 3
    assert own["roles"]["who"] == 8
    assert own["kinds"]["share their trigger"] == {"Cause": 2}
    assert own["events"] == 14
    docs = sample_docs()
    for doc in docs:
        del doc.spans["events"]
    assert debug_data([save(tmp_path / "b.spacy", docs)]).related == []


def test_events_without_triggers(tmp_path):
    docs = sample_docs(LABELLED)
    survey = survey_of(tmp_path, docs)
    assert told(survey, "error", "7 of 7 events of train have no trigger") == ("trigger = false",)
    survey = survey_of(tmp_path, docs, trigger=False)
    assert {f.level for f in survey.related[0].findings if f.topic != "config"} == {"good", "info"}
    # Data files say nothing of settings, so that this is no error in them.
    (case,) = debug_data([save(tmp_path / "a.spacy", docs)]).related
    assert not [f for f in case.findings if f.level == "error"]
    assert told(survey_of(tmp_path, sample_docs(), trigger=False), "error", "have a trigger") == (
        "trigger = true",
    )


def test_labels_with_two_meanings_are_an_error(tmp_path):
    docs = [
        make_doc("Ann paid.", [("Ann", "PER")], [("Pay", None, [("from", 0)])]),
        make_doc("Ann paid.", [("Ann", "PER")], [("Pay", None, [("to", 0)])]),
    ]
    told(
        survey_of(tmp_path, docs, trigger=False), "error", "the label of a span must mean one role"
    )


def test_a_role_with_the_name_of_the_link_is_an_error(tmp_path):
    docs = [cause(("Cause", 1, [("(same event)", 0)]))]
    survey = survey_of(tmp_path, docs)
    told(survey, "error", "Events of 1 documents of train cannot be read, and training stops")
    told(survey, "error", "a role must not be called '(same event)'")


def test_events_that_edges_cannot_say(tmp_path):
    docs = [
        cause(("Cause", 1, [("of", 0), ("what", 2)]), ("Cause", 1, [("of", 0)])),
        cause(("Cause", 1, [("of", 0)])),
    ]
    survey = survey_of(tmp_path, docs)
    told(survey, "info", "1 of 3 events of train have some of the arguments of another with the")
    told(survey, "warning", "1 of 3 events of train do not follow from their edges")


def test_triggers_that_are_their_own_argument(tmp_path):
    docs = [cause(("Cause", 1, [("of", 1), ("what", 2)]))] * 2
    survey = survey_of(tmp_path, docs)
    assert told(
        survey, "error", "2 of 2 events of train have their own trigger as an argument"
    ) == ("allow_self = true",)
    told(survey_of(tmp_path, docs, allow_self=True), "good", "All events of train follow")


def test_arguments_that_are_too_far_apart(tmp_path):
    docs = [cause(("Cause", 1, [("what", 3)])), cause(("Cause", 1, [("of", 0)]))]
    survey = survey_of(tmp_path, docs, max_distance=1)
    lines = told(survey, "warning", "1 of 2 events of train join spans that are further apart")
    assert lines == ("max_distance = 6",)  # with a margin


def test_triggers_and_arguments_that_are_no_gold_spans(tmp_path):
    doc = cause(("Cause", 1, [("of", 0)]))
    doc.spans["sc"] = [span for span in doc.spans["sc"] if span.text != "causes"]
    survey = survey_of(tmp_path, [doc])
    told(survey, "warning", "1 of 1 events of train have an argument that is not among the gold")
    told(survey, "warning", "Dust [causes] asthma")


def test_limits_that_leave_events_out(tmp_path):
    docs = [cause(("Cause", 1, [("of", 0), ("what", 2)]), ("Cause", 1, [("of", 0), ("what", 3)]))]
    survey = survey_of(tmp_path, docs, max_arguments=2, max_events=1)
    text = "A trigger of train has 3 arguments, but max_arguments = 2"
    assert told(survey, "warning", text) == ("max_arguments = 6",)
    text = "A trigger of train has 2 events, but max_events = 1"
    assert told(survey, "warning", text) == ("max_events = 4",)


def test_data_with_events_and_a_pipeline_without(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer")
    survey = look(tmp_path, nlp, sample_docs())
    (hint,) = [f for f in survey.shared if "event_pointer" in f.text]
    assert hint.level == "info"
    assert hint.text.startswith("The data have 28 events (group 'events'), but the pipeline has no")
    assert survey.related == []


def test_settings_that_name_unknown_labels(tmp_path):
    survey = survey_of(tmp_path, sample_docs(), label_thresholds=[["whom", 0.4], ["who", 0.6]])
    told(survey, "error", "label_thresholds of 'event_pointer' names labels that it will not have")
    nlp = make_event_nlp(label_thresholds=[["(same event)", 0.4]])
    nlp.config["initialize"]["components"]["event_pointer"] = {"labels": ["who", "(same event)"]}
    survey = look(tmp_path, nlp, sample_docs())
    told(survey, "error", "'event_pointer' does not know 3 labels of the data")


def test_events_of_another_group_and_none(tmp_path):
    docs = sample_docs()
    for doc in docs:
        set_events(doc, get_events(doc), "others")
        del doc.spans["events"]
    survey = survey_of(tmp_path, docs)
    text = "train has no gold events: no document has some in the group 'events', but 12 have in"
    assert told(survey, "error", text) == ('events_key = "others"',)
    docs = sample_docs()
    for doc in docs:
        set_events(doc, [])
    told(survey_of(tmp_path, docs), "error", "train has no gold event: all groups 'events' are")


def test_scores_of_events_in_the_config(tmp_path):
    nlp = make_event_nlp(events_key="acts")
    docs = sample_docs()
    for doc in docs:
        set_events(doc, get_events(doc), "acts")
        del doc.spans["events"]
    nlp.config["training"]["score_weights"] = {"events_f": 1.0}
    survey = look(tmp_path, nlp, docs)
    lines = told(survey, "error", "does not name acts_f")
    assert "acts_f = 1.0" in lines
    assert "events_f = null" in lines


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--events-key", "sc"], "--spans-key and --events-key must differ"),
        (["--events-key", "relations"], "--relations-key and --events-key must differ"),
    ],
)
def test_groups_must_differ(tmp_path, options, message):
    code, output = run(save(tmp_path / "a.spacy", sample_docs()), *options)
    assert code == 1
    assert message in output


def test_events_of_json_lines_that_are_left_out_are_counted(tmp_path):
    spans = [(0, 4, "THING"), (5, 11, "Cause"), (12, 17, "ILL"), (20, 26, "ILL")]
    fit = {"type": "Cause", "trigger": 1, "arguments": [{"role": "of", "span": 0}]}
    rows = {
        "text": "Dust causes asthma, cancer.",
        "spans": [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans],
        "events": [
            fit,
            fit,
            {**fit, "arguments": [{"role": "what", "span": place} for place in (2, 3)]},
        ],
    }
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    (case,) = debug_data([path], low=1).related
    found = " ".join(finding.text for finding in case.findings if finding.level == "warning")
    assert "1 of 3 events of data are given more than once" in found
    assert "1 of 2 events of data have an argument that does not begin and end where" in found


def test_cyclic_events_are_counted(tmp_path):
    doc = make_doc("War fled.", [("War", "War"), ("fled", "Flee")], [])
    war, flee = (Span(doc, i, i + 1, label) for i, label in ((0, "War"), (1, "Flee")))
    events = [
        Event("War", war, (Argument("of", flee),)),
        Event("Flee", flee, (Argument("from", war),)),
    ]
    set_events(doc, events)
    split = survey_of(tmp_path, [doc]).related[0].splits["train"]
    assert split.count("have a trigger as an argument") == 2
