"""Shares in words. Knows nothing of what they are shares of."""


def whole(share: float) -> str:
    """A share in whole per cent; 0 and 100 only for nothing and all.

    >>> whole(0.999), whole(1.0), whole(0.001), whole(0.0), whole(0.625)
    ('99', '100', '1', '0', '62')
    """
    return str(round(100 * share) if share in (0, 1) else min(99, max(1, round(100 * share))))


def percent(share: float) -> str:
    """A share with its sign.

    >>> percent(0.999)
    '99 %'
    """
    return f"{whole(share)} %"
