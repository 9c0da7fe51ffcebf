"""The YAML folder for lm-eval: where it lies, and how it is made from the table of definitions.

A run of a task with other digits: `--metadata '{"digits": 8, "n": 500}'`. Does not import lm-eval.
"""

from pathlib import Path

from algorism.adapters.definitions import DEFINITIONS, Definition

FOLDER = Path(__file__).with_name("lm_eval_tasks")
COMMON = """\
# What all tasks here share; written by algorism.adapters.lm_eval. `--metadata` sets digits, n, seed and bare.
tag: algorism
output_type: generate_until
test_split: test
custom_dataset: !function utils.custom_dataset
doc_to_text: "{{prompt}}"
doc_to_target: "{{gold}}"
target_delimiter: ""
generation_kwargs:
  do_sample: false
  max_gen_toks: 256
  until: []
process_results: !function utils.process_results
metric_list:
  - metric: strict
    aggregation: mean
    higher_is_better: true
  - metric: lenient
    aggregation: mean
    higher_is_better: true
"""


def task_name(row: Definition) -> str:
    """The name in lm-eval, where names are shared with everybody.

    >>> from algorism.adapters import definition
    >>> task_name(definition("add-integer"))
    'algorism_add_integer'
    """
    return f"algorism_{row.name.replace('-', '_')}"


def files() -> dict[str, str]:
    """Name and content of every YAML file of the folder."""
    found = {"_common_yaml": COMMON}
    for row in DEFINITIONS.values():
        found[f"{task_name(row)}.yaml"] = (
            f"include: _common_yaml\ntask: {task_name(row)}\nmetadata:\n  version: 1\n  definition: {row.name}\n"
        )
    return found
