"""Rules on top of a classifier: declared in words, applied in batches, learned without gradients, and explained.

    base = load_rules("add.yaml")                         # or RuleBase([...], [...]) in Python
    pi = antipignistic(network(images).softmax(-1))       # probabilities to possibilities
    answers = RuleInference(base)({"a1": pi[0::2], "a2": pi[1::2]})
    learned = learn(base, {"a1": ..., "a2": ...}, {"sum": sums})
    print(explain(learned.inference, {"a1": ..., "a2": ...}, "sum"))

Source: Π-NeSy: A Possibilistic Neuro-Symbolic Approach (arXiv 2504.07055).
"""

from .addition import addition_labels, addition_rules
from .addition_chain import AdditionChain, Sums
from .explanations import Explanation, Reason, explain
from .inference import RuleInference, decide
from .learning import KEEP_ALL, Learned, LearnedSet, NoSampleLeftError, learn
from .possibility import (
    INVERSES,
    TRANSFORMS,
    antipignistic,
    from_minimum_specificity,
    minimum_specificity,
    necessity_of,
    normalise,
    pignistic,
    possibility_of,
)
from .rule_base import RuleBase, RuleSet
from .rule_files import load_rules, read_rules
from .rule_text import parse_rule
from .rules import ANY, Attribute, Condition, Rule, if_then, iff, otherwise
from .sudoku import SudokuChecker, sudoku_rules
from .thresholds import accuracy, learn_with_thresholds

__all__ = [
    "ANY",
    "INVERSES",
    "KEEP_ALL",
    "TRANSFORMS",
    "AdditionChain",
    "Attribute",
    "Condition",
    "Explanation",
    "Learned",
    "LearnedSet",
    "NoSampleLeftError",
    "Reason",
    "Rule",
    "RuleBase",
    "RuleInference",
    "RuleSet",
    "SudokuChecker",
    "Sums",
    "accuracy",
    "addition_labels",
    "addition_rules",
    "antipignistic",
    "decide",
    "explain",
    "from_minimum_specificity",
    "if_then",
    "iff",
    "learn",
    "learn_with_thresholds",
    "load_rules",
    "minimum_specificity",
    "necessity_of",
    "normalise",
    "otherwise",
    "parse_rule",
    "pignistic",
    "possibility_of",
    "read_rules",
    "sudoku_rules",
]
