import json

import pytest

from benchmarks.joined import join_texts, measure_joined
from benchmarks.tables import make_table, read_report
from benchmarks.text import AnnotatedText


def test_texts_in_a_row_keep_all_words_and_spans():
    texts = [AnnotatedText(["a", "b"], [(0, 1, "X")]), AnnotatedText(["c"], [(0, 1, "Y")], 1)]
    texts.append(AnnotatedText(["d"], []))
    assert list(join_texts(texts, 1)) == texts
    together, rest = join_texts(texts, 2)
    assert together == AnnotatedText(["a", "b", "c"], [(0, 1, "X"), (2, 3, "Y")], 1)
    assert rest == texts[2]


@pytest.mark.filterwarnings("ignore:'global_pointer' kept only the best")
def test_a_report_has_scores_of_each_system_and_size(tmp_path):
    line = {"text": "Rome closed.", "spans": [{"start": 0, "end": 4, "label": "GPE"}]}
    (tmp_path / "mine").mkdir()
    for split in ("train", "dev"):
        text = f"{json.dumps(line)}\n" * 4
        (tmp_path / "mine" / f"{split}.jsonl").write_text(text, encoding="utf8")
    output = tmp_path / "joined.json"
    measure_joined(output, tmp_path, ["mine:en"], sizes=(1, 3), passes=30, limit=3)
    report = read_report(output)
    ours, spancat = report["results"]
    assert (ours["system"], spancat["system"]) == ("global_pointer", "spancat")
    assert set(ours["f"]) == {"1", "3"}
    assert ours["f"]["1"] == 100
    assert make_table(report).splitlines()[0] == "| corpus | system | seeds | 1 | 3 | change |"
    assert make_table(report).splitlines()[2].startswith("| mine | `global_pointer` | 1 | 100.0 | ")
