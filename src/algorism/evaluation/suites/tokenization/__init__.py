"""Whether the direction in which digits are grouped decides if a model adds (arXiv 2402.14903).

Questions of the paper's experiments for any model, and its analysis of errors, for our records and the authors' files.
"""

from algorism.evaluation.suites.tokenization.errors import Errors, ends_token, errors, off_by_one
from algorism.evaluation.suites.tokenization.profile import Case, Profile, by_arm, by_match, case, profile
from algorism.evaluation.suites.tokenization.published import entropy_bound, read_published, token_entropies
from algorism.evaluation.suites.tokenization.questions import EXPERIMENTS, USUAL, Arm, longest_answer, questions
from algorism.evaluation.suites.tokenization.reading import Answered, Reading, number, read
from algorism.evaluation.suites.tokenization.sums import carries, distinct, draw, draw_many, matched, pairs, triples
from algorism.evaluation.suites.tokenization.writing import FORMS, Form, form, groups

__all__ = [
    "EXPERIMENTS",
    "FORMS",
    "USUAL",
    "Answered",
    "Arm",
    "Case",
    "Errors",
    "Form",
    "Profile",
    "Reading",
    "by_arm",
    "by_match",
    "carries",
    "case",
    "distinct",
    "draw",
    "draw_many",
    "ends_token",
    "entropy_bound",
    "errors",
    "form",
    "groups",
    "longest_answer",
    "matched",
    "number",
    "off_by_one",
    "pairs",
    "profile",
    "questions",
    "read",
    "read_published",
    "token_entropies",
    "triples",
]
