import json

import torch

from benchmarks import head_groups
from benchmarks.head_groups import SYSTEMS, make_layers, make_layout, measure_groups, prepare_step


def test_every_system_has_a_result_with_the_weights_of_its_formula(tmp_path):
    case = (2, 8, (3, 1))
    measure_groups(
        tmp_path / "groups.json", cases=[case], hidden=6, repeats=1, memory=False, log=str
    )
    steps = json.loads((tmp_path / "groups.json").read_text(encoding="utf8"))["results"]["steps"]
    assert [step["system"] for step in steps] == list(SYSTEMS)
    width, c = 2 * 64 * (6 + 1), 4  # of an extractor with its biases
    assert [step["parameters"] for step in steps] == [
        width + 2 * c * (128 + 1),
        2 * width + 2 * c * (128 + 1),
        3 * width + 2 * c * (256 + 1),
        c * width,
    ]


def test_one_group_of_all_labels_takes_the_step_of_one_extractor():
    one, groups = (prepare_step(name, (2, 8, (4,)), 6, seed=0) for name in ("one", "groups"))
    torch.testing.assert_close(one(), groups())


def test_each_label_reads_its_own_group():
    sizes = (2, 1)
    layout, (_, types) = make_layout("groups", sizes), make_layers("groups", sizes, 6)
    pairs = torch.randn(1, 3, 256)
    for label, group in enumerate((0, 0, 1)):
        term = pairs[..., 128 * group :][..., :128] @ types.weight[label] + types.bias[label]
        torch.testing.assert_close(head_groups._terms(pairs, types, layout)[..., label], term)
