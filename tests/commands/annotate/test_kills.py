"""A run that is killed at random moments, with all components, goes on as if it had not been."""

import json
import random
import shutil
import time
from pathlib import Path

import pytest
import spacy
from relation_samples import RELATED
from test_shards import NAMES, go_on, run_child, snapshot, start

FROZEN = Path(__file__).parents[2] / "frozen" / "0.1.0" / "pipeline"
SMALL = {"batch_size": 8, "shard_size": 10}
N_KILLS = 50


@pytest.mark.nightly
def test_fifty_kills_change_no_byte(tmp_path):
    nlp, moments = spacy.load(FROZEN), random.Random(0)
    inputs = tmp_path / "in.jsonl"
    lines = [json.dumps({"id": n, "text": RELATED[n % 5][0]}) for n in range(400)]
    inputs.write_text("\n".join([*lines[:100], "bad", *lines[100:]]))
    whole, seconds = {}, {}
    for name in NAMES:
        start_of_run = time.monotonic()
        assert run_child(nlp, FROZEN, [inputs], tmp_path / name / name, **SMALL) == 0
        seconds[name] = time.monotonic() - start_of_run
        whole[name] = snapshot(tmp_path / name)
    rows = [json.loads(line) for line in whole["o.jsonl"]["o.jsonl"].splitlines()]
    assert len(rows) == 400
    assert all(any(row[what] for row in rows) for what in ("spans", "relations", "events"))
    n_midway = 0
    for number in range(N_KILLS):
        name = NAMES[number % 2]
        folder = tmp_path / "killed"
        child = start(nlp, FROZEN, [inputs], folder / name, **SMALL)
        time.sleep(moments.uniform(0, seconds[name]))
        child.kill()
        child.join()
        left = snapshot(folder) if folder.exists() else {}
        n_midway += bool(left) and left != whole[name]
        go_on(nlp, FROZEN, inputs, folder / name, **SMALL)
        assert snapshot(folder) == whole[name], f"kill {number}, {name}"
        shutil.rmtree(folder)
    print(f"{n_midway} of {N_KILLS} kills left a part of the output")
    assert n_midway >= N_KILLS / 2
