"""Tables of the reports on training options."""

from benchmarks.tables import TABLES


def make_lines(benchmark, rows):
    return TABLES[benchmark](rows).splitlines()


def test_rare_labels_have_columns_by_their_occurrences():
    def row(corpus, variant, seed, f, speed, often):
        scores = {"all": {"f": f}, "macro": f / 2, "often": {n: {"f": x} for n, x in often.items()}}
        return {
            "corpus": corpus, "variant": variant, "seed": seed, "train_words_per_second": speed,
            **scores,
        }  # fmt: skip

    lines = make_lines(
        "label_text",
        [
            row("a", "plain", 0, 0.5, 300, {"100": 0.1, "more": 0.6}),
            row("a", "plain", 1, 0.7, 100, {"100": 0.1, "more": 0.6}),
            row("a", "groups", 0, 0.6, 100, {"100": 0.2, "more": 0.7}),
            row("b", "plain", 0, 0.4, 100, {"20": 0.0, "more": 0.4}),
        ],
    )
    assert lines == [
        "| corpus | types | seeds | all | up to 20 | up to 100 | more often | mean of labels "
        "| training time |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| a | plain head | 2 | 60.0 ± 14.1 |  | 10.0 ± 0.0 | 60.0 ± 0.0 | 30.0 ± 7.1 | 1.00 |",
        "| a | `groups` | 1 | 60.0 |  | 20.0 | 70.0 | 30.0 | 2.00 |",
        "| b | plain head | 1 | 40.0 | 0.0 |  | 40.0 | 20.0 | 1.00 |",
    ]


def test_transfer_is_shown_by_the_number_of_texts():
    def row(variant, shots, f):
        return {
            "corpus": "a", "variant": variant, "seed": 0, "shots": shots, "all": {"f": f},
            "best": {"f": f + 0.1},
        }  # fmt: skip

    rows = [row("scratch", 10, 0.1), row("plain", 0, 0.0), row("plain", 10, 0.2)]
    assert make_lines("label_transfer", rows) == [
        "| corpus | types | seeds | 0 texts (best threshold) | 10 texts (best threshold) |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| a | plain head, only these texts | 1 |  | 10.0 (20.0) |",
        "| a | plain head | 1 | 0.0 (10.0) | 20.0 (30.0) |",
    ]


def test_students_follow_their_teacher():
    def row(system, seed, f, speed, size):
        return {
            "system": system, "seed": seed, "all": {"f": f}, "words_per_second": speed, "mib": size,
        }  # fmt: skip

    rows = [row("teacher", 0, 0.8, 90.4, 100), row("alone", 0, 0.6, 2000, 5)]
    rows += [row("alone", 1, 0.7, 1000, 5), row("teacher 0.5", 0, 0.7, 1000, 5)]
    assert make_lines("distillation", rows)[2:] == [
        "| teacher | 1 | 80.0 | 90 | 100.0 MiB |",
        "| student alone | 2 | 65.0 ± 7.1 | 1,500 | 5.0 MiB |",
        "| student, teacher 0.5 | 1 | 70.0 | 1,000 | 5.0 MiB |",
    ]


def test_old_and_new_labels_have_columns():
    rows = [
        {"rehearsal": "before", "declared": False, "seed": 0, "old": 0.6, "new": 0.0},
        {"rehearsal": "spans", "declared": True, "seed": 0, "old": 0.5, "new": 0.4},
    ]
    assert make_lines("forgetting", rows)[2:] == [
        "| before the new label |  | 1 | 60.0 | 0.0 |",
        "| `soft_rehearsal = false` | yes | 1 | 50.0 | 40.0 |",
    ]


def test_an_auxiliary_task_has_the_scores_that_all_ways_have():
    scores = {"spans_sc_f": 0.5, "relations_f": None, "other": 0.1}
    rows = [
        {"way": "alone", "seed": 0, "scores": scores},
        {"way": "constrain", "seed": 0, "scores": {**scores, "relations_f": 0.2, "tag_acc": 0.9}},
    ]
    assert make_lines("auxiliary", rows) == [
        "| encoder learns from | seeds | spans, F1 | relations, F1 |",
        "| --- | ---: | ---: | ---: |",
        "| main task alone | 1 | 50.0 | 0.0 |",
        '| `rule = "constrain"` | 1 | 50.0 | 20.0 |',
    ]
