"""Whether a model can estimate, and does, when an estimate is all that is wanted (StreetMath, arXiv 2510.25776)."""

from algorism.evaluation.suites.street.agents import AGENTS, middle
from algorism.evaluation.suites.street.judging import BANDS, MARKER, Judged, judge
from algorism.evaluation.suites.street.profile import Profile, hint_effect, judged_answers, profile, profiles
from algorism.evaluation.suites.street.published import Published, read_published, recompute
from algorism.evaluation.suites.street.questions import CONDITIONS, decimal, question, questions

__all__ = [
    "AGENTS",
    "BANDS",
    "CONDITIONS",
    "MARKER",
    "Judged",
    "Profile",
    "Published",
    "decimal",
    "hint_effect",
    "judge",
    "judged_answers",
    "middle",
    "profile",
    "profiles",
    "question",
    "questions",
    "read_published",
    "recompute",
]
