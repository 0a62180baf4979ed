"""The table of training options."""

import json

from benchmarks.option_tables import compares_options, make_option_table
from benchmarks.sweep import read_sweep

KEY = "components.global_pointer.adversarial"


def test_options_are_compared_with_runs_of_the_same_corpus_and_seed(tmp_path):
    every = {"corpora": ["genia:en", "cluener:zh"], "systems": ["global_pointer"], "passes": 2}
    groups = [{**every, "seeds": [0, 1]}, {**every, "seeds": [0, 1], "overrides": {KEY: 0.1}}]
    (tmp_path / "sweep.json").write_text(json.dumps(groups))
    assert compares_options(tmp_path)
    for run in read_sweep(tmp_path / "sweep.json"):
        has, seed = bool(run.overrides), run.seed
        if run.corpus == "cluener" and seed:
            continue
        gain = 0.02 if run.corpus == "genia" else -0.01
        curve = [{"train_seconds": seconds * (1 + has)} for seconds in (1.0, 3.0)]
        results = {"all": {"f": 0.5 + 0.1 * seed + has * (gain + 0.01 * seed)}}
        results.update(curve=curve, peak_mib=100.0 + 50 * has)
        (tmp_path / f"{run.name()}.json").write_text(json.dumps({"results": results}))
    table = make_option_table(tmp_path).splitlines()
    assert table[0] == "| option | seeds | genia | cluener | training time | memory |"
    assert table[2] == "| none: F1 | 2 | 55.0 ± 7.1 | 50.0 | 1.00 | 1.00 |"
    assert table[3] == "| `adversarial = 0.1` | 2 | +2.5 ± 0.7 | -1.0 | 2.00 | 1.50 |"


def test_other_sweeps_compare_no_options(tmp_path):
    group = {"corpora": ["genia:en"], "systems": ["ner", "spancat"], "seeds": [0, 1], "passes": 2}
    (tmp_path / "sweep.json").write_text(json.dumps([group, {**group, "limit": 10}]))
    assert not compares_options(tmp_path)
