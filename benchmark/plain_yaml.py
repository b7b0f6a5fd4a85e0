"""YAML as recipes, cards and --option write it: plain values, read alike everywhere.

Scalars are those of YAML 1.2: 1e-4 is a number, 010 is ten, and yes, no, on and off are words. What nobody writes by
hand is refused, since it is a mistake or an attack: values deeper or more numerous than below, numbers beyond 64 bits,
and halves of characters (surrogates), which no file can hold.
"""

import os
import re
from pathlib import Path
from typing import Any

import yaml

LONGEST = 200_000  # characters of a text
DEEPEST = 50  # lists and mappings inside each other
MOST = 50_000  # values, those of an alias counted each time that it stands
_LARGEST = 2**63  # of an integer, up or down
_UNWRITABLE = re.compile("[\ud800-\udfff]")
_PATTERNS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+|\.[0-9]+[eE][-+]?[0-9]+)"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


class _Loader(yaml.SafeLoader):
    """A key that occurs twice is an error: YAML says so, PyYAML does not."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"values are nested deeper than {DEEPEST}", problem_mark=self.peek_event().start_mark
            )
        node = super().compose_node(parent, index)  # type: ignore[no-untyped-call]
        self.depth -= 1
        return node

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)  # type: ignore[no-untyped-call]
        if found := _UNWRITABLE.search(node.value):
            raise yaml.MarkedYAMLError(problem=f"the character {found[0]!a} is no text", problem_mark=node.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)  # type: ignore[no-untyped-call]
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{key.value}' occurs twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return node

    def construct_integer(self, node: Any) -> int:
        text = node.value
        value = None
        if len(text) < 32:
            value = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if value is None or abs(value) >= _LARGEST:
            raise yaml.MarkedYAMLError(problem="a number is beyond 64 bits", problem_mark=node.start_mark)
        return value


class _Dumper(yaml.SafeDumper):
    """Puts words in quotes that the loader would take for something else."""


for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in {*_PATTERNS, "value"}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for _name, (_pattern, _first) in _PATTERNS.items():
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^({_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_integer)


def load(path: Path) -> Any:
    """The value in a YAML file in UTF-8. Raises OSError where it cannot be read, ValueError as `parse` does."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError("it is no file")  # a pipe would be waited for
    with open(path, encoding="utf-8-sig") as file:
        return parse(file.read(LONGEST + 1), str(path))


def parse(text: str, name: str = "this text") -> Any:
    """The value of a YAML text; `name` says in messages where it is from.

    Raises ValueError, whose text is one line, where it is not YAML or holds what is refused (see above).
    """
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    try:
        loader = _Loader(text)  # type: ignore[no-untyped-call]
        loader.name = name
        node = loader.get_single_node()  # type: ignore[no-untyped-call]
        if node is None:
            return None
        if _count(node, {}) > MOST:
            raise ValueError(f"it holds more than {MOST} values")
        return loader.construct_document(node)  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # all but the first are of dates and explicit tags that make no sense
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def dump(value: Any) -> str:
    """The YAML text of plain values, which `parse` reads back."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _count(node: Any, known: dict[int, int | None]) -> int:
    """How many values a node holds once its aliases are unfolded; ValueError where it holds itself."""
    if id(node) not in known:
        known[id(node)] = None
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        else:
            inner = node.value if isinstance(node, yaml.SequenceNode) else []
        known[id(node)] = 1 + sum(_count(part, known) for part in inner)
    count = known[id(node)]
    if count is None:
        raise ValueError("an alias stands inside what it stands for")
    return count
