"""What the text of a Python file defines, and which names each definition takes from elsewhere; nothing is run."""

import ast
import dis
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import CodeType
from typing import Any, NamedTuple

from benchmark.store import digest

Names = tuple[str, ...]  # as the parts of `module.function.attribute`
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# instructions that read a name of the module
_FROM_MODULE = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})


class Origin(NamedTuple):
    """Where an import takes a name from: `names` of a module, or the module itself where there are none."""

    level: int  # dots before the module
    module: Names
    names: Names = ()


Imports = Mapping[str, Sequence[Origin]]  # by the name that is bound; "*" binds all of a module, "" nothing more


@dataclass(frozen=True)
class Statement:
    """A top-level statement without its imports, docstrings and comments."""

    node: ast.stmt
    binds: frozenset[str]  # at the top level of the module
    imports: Imports  # those inside it
    known: Collection[str]  # what the module binds or imports

    @cached_property
    def _written(self) -> tuple[str, tuple[Names, ...]]:
        code = compile(ast.Module([self.node], []), "", "exec")
        uses = _Uses({name for name in _globals(code) if name in self.known} | set(self.imports))
        return digest(ast.dump(uses.visit(self.node))), tuple(uses.found)

    @property
    def code(self) -> str:
        """Digest of its syntax, without the names that it uses."""
        return self._written[0]

    @property
    def uses(self) -> tuple[Names, ...]:
        """The names that it takes from its module and from imports, in its own order."""
        return self._written[1]


@dataclass(frozen=True)
class Module:
    """The top-level statements of a file."""

    statements: Sequence[Statement]
    bound: Mapping[str, Sequence[int]]  # which statements bind a name
    always: Sequence[int]  # statements that do more than bind names
    imports: Imports  # those outside functions and classes
    imported: Sequence[Origin]  # by all imports, wherever they stand

    def knows(self, name: str) -> bool:
        """Whether the module binds or imports a name."""
        return name in self.bound or name in self.imports


@cache
def parsed(text: str) -> Module:
    """The statements of a file with this text. Raises SyntaxError."""
    statements: list[Statement] = []
    bound: dict[str, list[int]] = defaultdict(list)
    imports: dict[str, list[Origin]] = defaultdict(list)
    known: set[str] = set()
    always, imported = [], []
    for node in ast.parse(text).body:
        stripped = _Stripped()
        rest = stripped.visit(node)
        imported += [origin for origins in stripped.imports.values() for origin in origins]
        if not isinstance(node, _DEFINITIONS):
            for name, origins in stripped.imports.items():
                imports[name] += origins
        if rest is not None:
            binds = _bound(node)
            for name in binds:
                bound[name].append(len(statements))
            if not _only_binds(node):
                always.append(len(statements))
            statements.append(Statement(node, binds, dict(stripped.imports), known))
    known |= {*bound, *imports}
    return Module(statements, dict(bound), always, dict(imports), imported)


def _bound(node: ast.AST) -> frozenset[str]:
    """Names that a top-level statement binds; of loops and conditions perhaps too many, which does no harm."""
    if isinstance(node, _DEFINITIONS):
        return frozenset({node.name})
    parts = [part for target in (_targets(node) or (node,)) for part in ast.walk(target)]
    stored = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return frozenset(stored | {part.name for part in parts if isinstance(part, _DEFINITIONS)})


def _only_binds(node: ast.AST) -> bool:
    """Whether a statement is a definition or an assignment to plain names."""
    plain = (ast.Name, ast.Tuple, ast.List, ast.Starred, ast.expr_context)
    targets = _targets(node)
    return isinstance(node, _DEFINITIONS) or (
        bool(targets) and all(isinstance(part, plain) for target in targets for part in ast.walk(target))
    )


def _targets(node: ast.AST) -> Sequence[ast.AST]:
    """What an assignment assigns to; nothing for other statements."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []


def _globals(code: CodeType) -> Iterator[str]:
    """Names that compiled code reads from its module, not those that are local to a function."""
    yield from (step.argval for step in dis.get_instructions(code) if step.opname in _FROM_MODULE)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant)


class _Stripped(ast.NodeTransformer):
    """Takes out what computes nothing: docstrings, other constants that stand alone, and imports, which it lists."""

    def __init__(self) -> None:
        self.imports: dict[str, list[Origin]] = defaultdict(list)

    def visit(self, node: ast.AST) -> Any:
        """The node, or none where nothing is left of it."""
        if isinstance(node, ast.expr):  # no statement is in it
            return node
        if isinstance(node, ast.Import):
            return self._import(node)
        if isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                names = () if alias.name == "*" else (alias.name,)
                self.imports[alias.asname or alias.name].append(Origin(node.level, module, names))
            return None
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return None
        self.generic_visit(node)
        if getattr(node, "body", None) == []:
            if isinstance(node, ast.If) and not node.orelse:  # as `if TYPE_CHECKING:`
                return None
            node.body = [ast.Pass(lineno=1, col_offset=0)]  # type: ignore[attr-defined]
        return node

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = tuple(alias.name.split("."))
            self.imports[alias.asname or ""].append(Origin(0, module))
            if alias.asname is None:  # it binds the outermost package
                self.imports[module[0]].append(Origin(0, module[:1]))


class _Uses(ast.NodeTransformer):
    """Takes out names that come from elsewhere, with the attributes taken of them, and lists them."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.found: list[Names] = []

    def visit(self, node: ast.AST) -> ast.AST:
        names = _dotted(node)
        if names and names[0] in self.names:
            self.found.append(names)
            return ast.Name("", ast.Load())
        return self.generic_visit(node)


def _dotted(node: ast.AST) -> Names:
    """The parts of `a.b.c` where it is read; none of any other expression."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return (node.id,)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and (names := _dotted(node.value)):
        return (*names, node.attr)
    return ()
