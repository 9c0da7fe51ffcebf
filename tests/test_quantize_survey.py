"""The part of `quantization-survey` on addition: integers alone from ids to logits, and what its claim reads."""

import copy

import pytest
import torch

from algorism.claims import Measurements
from algorism.lowbit.integer_transformer import IntegerBlock
from algorism.models import Transformer, TransformerConfig
from algorism.studies._quantization_survey_addition import on_integers
from algorism.studies._quantization_survey_tables import addition_measurements
from algorism.studies.quantization_survey import AFTER_TRAINING, STUDY

CLAIM = next(claim for claim in STUDY.claims if claim.id == "addition-without-floats")


def network(right=2000, integers=2000, gptq=1990):
    """What is found of one network that adds, asked 2,000 sums."""
    methods = {"GPTQ@4": gptq, "MSE clip@4": 100, "QAT@4": 2000}
    cells = {name: {"right": count, "bits": 4.4} for name, count in methods.items()}
    return {"n": 2000, "float": right, "integers": integers, "methods": cells}


def judged(*networks):
    found = Measurements(addition_measurements(networks, AFTER_TRAINING))
    return found, CLAIM.judge(found)


def test_every_network_must_hold():
    found, judgement = judged(network(), network(integers=1998))
    assert judgement.verdict == "reproduced"
    assert found["addition: largest loss, integers, W8A8"].value == 0.001
    assert found["addition:integers, W8A8"].value == pytest.approx(3998 / 4000)
    assert found["loss:addition:integers, W8A8"].value == pytest.approx(0.0005)


@pytest.mark.parametrize(
    ("worse", "part"),
    [
        ({"integers": 1997}, "integers, W8A8: at most 0.1 points"),
        ({"gptq": 1979}, "4 bits, its best method after training: 99 %"),  # training on the grid does not count
        ({"right": 1979, "integers": 1979}, "float: 99 %"),
    ],
)
def test_one_network_that_fails_is_enough(worse, part):
    judgement = judged(network(), network(**worse), network())[1]
    assert judgement.verdict == "partly"
    assert [name for name, said in judgement.parts.items() if said == "fails"] == [part]


def test_a_network_on_integers_is_a_copy_without_floats():
    torch.manual_seed(0)
    config = TransformerConfig(vocab=12, context=10, layers=2, heads=2, width=16)
    model = Transformer(config).eval()
    before = copy.deepcopy(model.state_dict())
    ids_bt = torch.randint(0, 12, (8, 10))
    integers = on_integers(model, [ids_bt], 8)
    assert all(isinstance(block, IntegerBlock) for block in integers.blocks)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        exact, found = model(ids_bt), integers(ids_bt)
    assert torch.equal(found, found.round())
    # Logits are integers on one grid: a scale and a shift away from the floats, up to the noise of eight bits.
    together = torch.stack([exact.flatten(), found.flatten()])
    assert torch.corrcoef(together)[0, 1] > 0.99
