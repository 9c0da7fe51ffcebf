"""Rule bases written in YAML: domains under `attributes`, rules under `rules`.

    attributes:                    # name: domain
      a1: 0..9                     # a range, or a list of values: [red, green]
      a2: {values: 0..9, family: digits}
      pair: {product: [a1, a2]}    # all tuples
      sum: 0..18
    rules:
      - if a1 is {3} and a2 is {4} then sum is {7}
      - {rule: "otherwise sum is {0}", name: nothing-known, r: 0.2}

Between [ ] and { } of YAML, a rule that has braces itself needs quotes.
"""

import itertools
import math
from pathlib import Path
from typing import Any

import yaml

from ...errors import UsageError, nearest
from .rule_base import RuleBase
from .rule_text import parse_rule, parse_values
from .rules import MOST_VALUES, Attribute, Rule

LARGEST_FILE = 16 << 20  # bytes


def load_rules(path: str | Path) -> RuleBase:
    """Read a rule base from a YAML file.

    Raises:
        UsageError: no such file, not YAML, unknown keys, or rules that cannot work; the message names file and rule.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UsageError(
                f"Rules {path}: the file is larger than {LARGEST_FILE >> 20} MB; build the base in Python."
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Rules {path}: cannot be read ({error}).") from error
    return read_rules(text, source=str(path))


def read_rules(text: str, source: str = "rules") -> RuleBase:
    """Read a rule base from YAML text.

    Args:
        text: the YAML.
        source: what messages call it.

    Raises:
        UsageError: see `load_rules`.

    >>> base = read_rules('''
    ... attributes: {light: [red, green], car: [stops, goes]}
    ... rules:
    ...   - iff light is {red} then car is {stops}
    ... ''')
    >>> print(base)
    rule 1: iff light is {red} then car is {stops}
    """
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{source}: not YAML ({error}).") from error
    try:
        top = _mapping(data, ("attributes", "rules"), "the file", required=("attributes", "rules"))
        return RuleBase(_attributes(top["attributes"]), _rules(top["rules"]))
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def _attributes(data: Any) -> list[Attribute]:
    if not isinstance(data, dict) or not data:
        raise UsageError(f"'attributes' must map names to domains, such as 'a1: 0..9', got {data!r}.")
    found: dict[str, Attribute] = {}
    for name, content in data.items():
        owner = f"attribute '{name}'"
        family = None
        if isinstance(content, dict):
            content = _mapping(content, ("values", "product", "family"), owner)
            family = content.get("family")
            if not isinstance(family, str | None):
                raise UsageError(f"{owner}: family is a word, got {family!r}.")
            if ("values" in content) == ("product" in content):
                raise UsageError(f"{owner}: give either 'values' or 'product'.")
        if isinstance(content, dict) and "product" in content:
            parts = _parts(content["product"], found, owner)
            if math.prod(map(len, parts)) > MOST_VALUES:
                raise UsageError(f"{owner}: the product has more than {MOST_VALUES:,} values.")
            found[name] = Attribute(name, itertools.product(*parts), family)
        else:
            found[name] = Attribute(
                name, _domain(content["values"] if isinstance(content, dict) else content, owner), family
            )
    return list(found.values())


def _parts(names: Any, found: dict[str, Attribute], owner: str) -> list[tuple[Any, ...]]:
    """Domains of a product: attributes declared above it."""
    if not isinstance(names, list) or not names:
        raise UsageError(f"{owner}: 'product' is a list of attributes, got {names!r}.")
    for name in names:
        if not isinstance(name, str) or name not in found:
            raise UsageError(
                f"{owner}: unknown attribute {name!r} in its product; declare it above. {nearest(str(name), found)}"
            )
    return [found[name].domain for name in names]


def _domain(content: Any, owner: str) -> tuple[Any, ...]:
    if isinstance(content, str):
        return parse_values(content, owner)
    if not isinstance(content, list):
        raise UsageError(f"{owner}: a domain is a list of values or a range such as 0..9, got {content!r}.")
    return tuple(tuple(value) if isinstance(value, list) else value for value in content)


def _rules(data: Any) -> list[Rule]:
    if not isinstance(data, list):
        raise UsageError(f"'rules' must be a list of rules, got {data!r}.")
    return [_rule(content, number) for number, content in enumerate(data, 1)]


def _rule(content: Any, number: int) -> Rule:
    name = f"rule {number}"
    if isinstance(content, str):
        return parse_rule(content, name)
    entry = _mapping(content, ("rule", "name", "r", "s"), name, required=("rule",))
    name = entry.get("name", name)
    if not isinstance(name, str) or not isinstance(entry["rule"], str):
        raise UsageError(f"rule {number}: 'name' and 'rule' are texts, got {name!r} and {entry['rule']!r}.")
    rule = parse_rule(entry["rule"], name)
    return Rule(rule.premise, rule.conclusion, name, entry.get("r", rule.r), entry.get("s", rule.s))


def _mapping(data: Any, known: tuple[str, ...], owner: str, required: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise UsageError(f"{owner} must be a mapping with the keys {', '.join(known)}, got {data!r}.")
    for key in data:
        if key not in known:
            raise UsageError(f"unknown key {key!r} in {owner}. {nearest(str(key), known)}")
    for key in required:
        if key not in data:
            raise UsageError(f"{owner} has no '{key}'.")
    return data
