r"""Take the dress off an answer: Unicode digits and signs, LaTeX, Markdown, HTML. The text that is left is plain.

Whatever changes a number's value stays visible: superscripts become `^{..}`, subscripts `_{..}`, and struck-out text
becomes the mark `\x00`, which no reader takes for part of a number. Every pattern runs in linear time.
"""

import functools
import re
import sys
import unicodedata

STRUCK = "\x00"

_MINUS = "\u2212\ufe63\uff0d\u2010\u2011\u2012\u2013\u207b"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\r\f\v"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\u00ad\ufe0f"
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n"))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
_VULGAR = {chr(c): unicodedata.normalize("NFKC", chr(c)) for c in (*range(0xBC, 0xBF), *range(0x2150, 0x215F), 0x2189)}
_OPERATORS = {
    "⋅": "×", "·": "×", "∙": "×", "∗": "×", "✕": "×", "✖": "×", "÷": " ÷ ", "⁄": "/", "∕": "/", "∶": ":",
    "≃": "≈", "≅": "≈", "∼": "≈", "⇒": "→", "⟹": "→", "⟶": "→", "➜": "→", "➔": "→", "∴": "→",
    "٫": ".", "٬": ",", "،": ",", "。": ". ", "、": ", ", "’": "'", "‘": "'", "“": '"', "”": '"',
}  # fmt: skip

_SUPER_RUN = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUB_RUN = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")
_VULGAR_RUN = re.compile(f"[{''.join(_VULGAR)}]")
_TEXT_COMMAND = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:bf|rm|it|sf|tt|bb)?|mbox|emph|underline|bf|displaystyle|textstyle"
    r"|left|right|quad|qquad|operatorname|boldsymbol|bm|fbox|large|Large)(?![A-Za-z])\*?"
)
_FRACTION = re.compile(r"\\[dtc]?frac ?\{ ?(-?\d[\d,]{0,4000}) ?\} ?\{ ?(\d[\d,]{0,4000}) ?\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac ?(\d) ?(\d)(?!\d)")
_COMMANDS = [
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])"), " × "),
    (re.compile(r"\\(?:begin|end)\{[A-Za-z]{1,20}\*?\}"), " "),
    (re.compile(r"\\div(?![A-Za-z])"), " ÷ "),
    (re.compile(r"\\pm(?![A-Za-z])"), " ± "),
    (re.compile(r"\\approx(?![A-Za-z])"), " ≈ "),
    (re.compile(r"\\(?:neq?|not ?=)(?![A-Za-z])"), " ≠ "),
    (re.compile(r"\\(?:geq?|geqslant|gt|gg)(?![A-Za-z])"), " ≥ "),
    (re.compile(r"\\(?:leq?|leqslant|lt|ll)(?![A-Za-z])"), " ≤ "),
    (re.compile(r"\\(?:rightarrow|Rightarrow|to|implies|therefore)(?![A-Za-z])"), " → "),
    (re.compile(r"\\(?:%|percent(?![A-Za-z]))"), "%"),
    (re.compile(r"\\(?:circ|degree)(?![A-Za-z])"), "°"),
    (re.compile(r"\\,(?=\d{3}(?!\d))"), ","),
    (re.compile(r"\\[,;:! ()\[\]$&]|\\\\"), " "),
]
_FACTORIAL = re.compile(r"(?<=\d)! ?(?=\$|\\\)|\\\])")  # inside of mathematics; elsewhere it is a joyful full stop
_STRIKE = re.compile(r"~~[^~\n]{1,300}~~|<(del|s|strike)>[^<]{0,300}</\1>|\\(?:cancel|sout|xcancel|st)\{[^{}]{0,300}\}")
_SUP_TAG = re.compile(r"<sup>([^<]{1,20})</sup>")
_SUB_TAG = re.compile(r"<sub>([^<]{1,20})</sub>")
_BREAK_TAG = re.compile(r"<(?:br|/p|/div|/li|/tr)\s?/?>")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,60}>")
_BOLD = re.compile(r"(?<![\w)*])(?<!\d )(\*{1,3})(?=[^\s*])([^*\n]+)\1(?![\w*])")
_UNDER = re.compile(r"(?<![\w_])(_{1,3})(?=[^\s_])([^_\n]+)\1(?![\w_])")
_BLANKS = re.compile(r" {2,}")


@functools.cache
def _table() -> dict[int, str | None]:
    """One translation table for every decimal digit of Unicode and the signs above (built once, when first needed)."""
    table: dict[int, str | None] = {
        code: str(unicodedata.decimal(chr(code)))
        for code in range(128, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd"
    }
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {ord(c): "-" for c in _MINUS} | {ord(c): " " for c in _SPACES} | {ord(c): None for c in _INVISIBLE}
    return table | {ord(c): to for c, to in _OPERATORS.items()}


def plain(text: str) -> str:
    r"""Write an answer in plain text, keeping everything that bears on its value.

    Args:
        text: part of a response; keep it to some ten thousand characters.

    >>> plain("The sum is **１２３**")
    'The sum is 123'
    >>> plain(r"$\frac{1}{2}$"), plain("2³"), plain("\u221242"), plain("~~5~~ 6") == STRUCK + " 6"
    (' 1/2 ', '2^{3}', '-42', True)
    """
    if not text.isascii():
        text = _VULGAR_RUN.sub(lambda m: f" {_VULGAR[m[0]]} ", text)
        text = _SUPER_RUN.sub(lambda m: "^{" + "".join(_SUPERSCRIPTS[c] for c in m[0]) + "}", text)
        text = _SUB_RUN.sub(lambda m: "_{" + "".join(_SUBSCRIPTS[c] for c in m[0]) + "}", text)
        text = text.translate(_table())
    else:
        text = text.replace("\t", " ").replace("\r", " ")
    text = _FACTORIAL.sub(" factorial ", text.replace("{,}", ","))
    if "\\" in text:
        text = _STRIKE.sub(STRUCK, text)
        for pattern, replacement in _COMMANDS:
            text = pattern.sub(replacement, text)
        text = _TEXT_COMMAND.sub(" ", text)
        text = _FRACTION.sub(lambda m: f" {m[1]}/{m[2]} ".replace(",", ""), text)
        text = _SHORT_FRACTION.sub(r" \1/\2 ", text)
    if "~~" in text or "<" in text:
        text = _STRIKE.sub(STRUCK, text)
        text = _SUP_TAG.sub(r"^{\1}", text)
        text = _SUB_TAG.sub(r"_{\1}", text)
        text = _TAG.sub(" ", _BREAK_TAG.sub("\n", text))
    if "*" in text:
        text = _BOLD.sub(r"\2", text)
    if "_" in text:
        text = _UNDER.sub(r"\2", text)
    if "`" in text or "$" in text or "~" in text:
        text = text.replace("`", " ").replace("$", " ").replace("~", "≈")
    return _BLANKS.sub(" ", text)
