"""What decoding alone loses, as a report and its table."""

import json

import pytest

from benchmarks.event_oracle import measure_oracle
from benchmarks.tables import make_table, read_report

SPANS = [(0, 3, "PER"), (4, 7, "Hit"), (8, 11, "PER"), (12, 15, "PER")]
ROW = {
    "text": "Ann hit Bob Cat.",
    "spans": [{"start": start, "end": end, "label": label} for start, end, label in SPANS],
    "events": [
        {"type": "Hit", "trigger": 1, "arguments": [{"role": "who", "span": span}]}
        for span in (0, 2)
    ],
}


def test_a_report_has_both_decodings_and_the_time_of_a_dense_trigger(tmp_path):
    part = {**ROW, "events": [{**ROW["events"][0], "arguments": []}, *ROW["events"]]}
    (tmp_path / "mine").mkdir()
    for split, row in (("train", ROW), ("dev", part)):
        line = f"{json.dumps(row)}\n"
        (tmp_path / "mine" / f"{split}.jsonl").write_text(line, encoding="utf8")
    output, lines = tmp_path / "oracle.json", []
    measure_oracle(output, tmp_path, ["mine"], repeats=1, log=lines.append)
    # Of five events, one without arguments is a part of another with its trigger.
    assert lines == ["mine: F1 88.89, as published 88.89"]
    table = make_table(read_report(output))
    assert "| mine | 5 | 88.89 | 0 | 1 | 88.89 | 0 | 1 |\n" in table
    assert "\nA trigger with 20 arguments, 80% of the pairs linked: " in table


def test_a_corpus_without_files_is_named(tmp_path):
    with pytest.raises(ValueError, match="must be a folder with train"):
        measure_oracle(tmp_path / "oracle.json", tmp_path, ["none"])
