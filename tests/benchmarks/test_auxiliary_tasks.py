"""The benchmark of main and auxiliary tasks, on a tiny corpus."""

import json

import pytest

from benchmarks.auxiliary import COMPONENTS, WAYS, make_callback, make_task, run

SPANS = [(0, 3, "PER"), (13, 16, "GPE")]
ROW = {
    "text": "Ada works in Ulm, Bob too.",
    "spans": [{"start": start, "end": end, "label": label} for start, end, label in SPANS],
    "relations": [{"head": 0, "child": 1, "label": "WORKS_IN"}],
}


@pytest.mark.parametrize("main", COMPONENTS)
def test_every_way_is_trained_and_scored(main, tmp_path, capsys):
    for split in "train", "dev":
        (tmp_path / f"{split}.jsonl").write_text(f"{json.dumps(ROW)}\n" * 3, encoding="utf8")
    output = tmp_path / "out.json"
    run([str(output), "--data", str(tmp_path), "--main", main, "--passes", "2", "--limit", "2"])
    report = json.loads(output.read_text(encoding="utf8"))
    assert report["settings"]["main"] == main
    assert set(report["results"]) == set(WAYS)
    for result in report["results"].values():
        best = max(step["f"] for step in result["curve"])
        assert result["scores"][f"{make_task(main).key}_f"] == best
    assert "project_token: entities" in capsys.readouterr().out


def test_the_plain_sum_has_no_callback():
    assert [make_callback("entities", way) is None for way in WAYS] == [True, False, False, False]
