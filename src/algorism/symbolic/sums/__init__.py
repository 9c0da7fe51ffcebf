"""Sums of numbers whose digits are only known in probability: exact, in log space, and differentiable.

log_p_bklv = network(images).log_softmax(-1).view(-1, 2, 4, 10)        # two numbers of four digits
loss = -log_probability(log_p_bklv, sums_bs).mean()                    # learn digits from sums alone
sums, log_p = most_probable_sum(log_p_bklv)
"""

from .carry_chain import digit_posteriors, log_probability, sum_marginals
from .digits import digits_of_sum, from_digits, to_digits
from .most_probable import digitwise_sum, most_probable_sum
from .relabelling import best_naming, log_probability_under_any_naming, namings

__all__ = [
    "best_naming",
    "digit_posteriors",
    "digits_of_sum",
    "digitwise_sum",
    "from_digits",
    "log_probability",
    "log_probability_under_any_naming",
    "most_probable_sum",
    "namings",
    "sum_marginals",
    "to_digits",
]
