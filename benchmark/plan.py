"""A recipe to a graph of cells.

Two kinds of cell: a training leaves weights, a scoring leaves a record. Trainings that no row names are artefacts (a pre-trained front-end, a stock
task model); cells that come out alike share one key and are run once. Keys are nested: a scoring's key contains the keys of its weights, which contain
those they start from.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.contracts import PROTOCOL, Corpus, FrontEnd, Scheme, Spec, Task
from benchmark.corpora import fingerprint, open_corpus, rows_of
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.options import bind
from benchmark.recipe import Phase, Recipe, TaskEntry
from benchmark.store import digest

REFERENCE = "reference"
IDENTITY = Spec("identity", 1, {})
FROZEN = Spec("frozen", 1, {})


@dataclass(frozen=True)
class Cell:
    """A unit of work: `config` is its identity, everything else is provenance."""

    kind: str  # train or score
    label: str
    config: Mapping[str, Any]
    needs: tuple[str, ...]  # keys of trainings
    sources: Mapping[str, str] = field(default_factory=dict)  # digests of its components' code

    @property
    def key(self) -> str:
        """Hash of the identity; where corpora lie does not belong to it, what is in them does."""
        placeless = {name: _placeless(value) if name in ("source", "sources") else value for name, value in self.config.items()}
        return digest({"kind": self.kind, **placeless})

    @property
    def shelf(self) -> str:
        """Where the store keeps what the cell leaves."""
        return "weights" if self.kind == "train" else "records"


@dataclass(frozen=True)
class Row:
    """One line of a board's making: which record it is read from, and what stands beside it."""

    front_end: str
    scheme: str
    task: str
    component: str
    seed: int
    fold: str | int | None
    record: str
    trained_by: tuple[str, ...]  # keys of the trainings behind it, its own first
    training_data: str
    corpora: tuple[str, ...]
    synthetic: bool


@dataclass
class Plan:
    """Cells in an order in which each comes after what it needs, and the rows that stand on them."""

    recipe: Recipe
    cells: dict[str, Cell]
    rows: list[Row]
    schemas: Mapping[str, Mapping[str, Any]]  # of the target corpora, by task label


class Corpora:
    """Corpora opened once, by name and options."""

    def __init__(self, data: Path | None, cache: Path) -> None:
        self.data, self.cache = data, cache
        self.opened: dict[str, Corpus] = {}
        self._identities: dict[tuple[str, str], str] = {}

    def open(self, reference: Mapping[str, Any]) -> Corpus:
        """The corpus that {"name", "options"} refers to, generated where it has to be."""
        name, options, path = (reference[part] for part in ("name", "options", "path"))
        key = digest([name, options, path])
        if key not in self.opened:
            self.opened[key] = open_corpus(name, options, self.data, self.cache, path)
            self.opened[key].prepare()
        return self.opened[key]

    def identity(self, reference: Mapping[str, Any], splits: Sequence[str]) -> dict[str, Any]:
        """The reference with version and content, as far as `splits` go: part of a key."""
        corpus = self.open(reference)
        key = digest(reference)
        for split in splits:
            if (key, split) not in self._identities:
                self._identities[key, split] = fingerprint(rows_of(corpus, split))
        return {**reference, "version": corpus.version, "content": {split: self._identities[key, split] for split in splits}}


def reference(value: Any, where: str, fold: Any = None) -> dict[str, Any]:
    """`name` or `{name: options}` as {"name", "options", "path"}; any corpus may be given the `path` of its folder."""
    if isinstance(value, str):
        value = {value: {}}
    if not isinstance(value, dict) or len(value) != 1:
        raise EarmarkError(f"{where}: write a corpus's name, or {{name: options}}")
    name, options = next(iter(value.items()))
    options = dict(options or {})
    if fold is not None:
        options["fold"] = fold
    cls = registry.load("corpora", name)
    path = None if "path" in inspect.signature(cls).parameters else options.pop("path", None)
    return {"name": name, "options": bind(where, cls, options, given=1), "path": path}


def make_plan(recipe: Recipe, corpora: Corpora) -> Plan:
    """Every cell and row of a recipe. Raises EarmarkError where a corpus is missing or a row's needs are not met."""
    return _Planner(recipe, corpora).plan()


class _Planner:
    def __init__(self, recipe: Recipe, corpora: Corpora) -> None:
        self.recipe = recipe
        self.corpora = corpora
        self.cells: dict[str, Cell] = {}
        self.rows: list[Row] = []
        self.front_ends = {label: build_front_end(_entry(spec)) for label, spec in recipe.front_ends.items()}
        self.schemes = {label: build_scheme(spec) for label, spec in recipe.schemes.items()}
        self.task_classes: dict[str, type[Task]] = {label: registry.load("tasks", entry.task) for label, entry in recipe.tasks.items()}
        self.schemas = {label: self._schema(label) for label in recipe.tasks}
        self.has_model = {label: _trainable(cls(self.schemas[label], **recipe.tasks[label].model)) for label, cls in self.task_classes.items()}

    def plan(self) -> Plan:
        for seed in self.recipe.seeds:
            for label, entry in self.recipe.tasks.items():
                for fold in entry.folds:
                    self._rows(seed, label, entry, fold)
        self._drop_repeated_schemes()
        return Plan(self.recipe, self.cells, self.rows, self.schemas)

    def _rows(self, seed: int, label: str, entry: TaskEntry, fold: Any) -> None:
        stock = {kind: self._stock(kind, seed, label, entry, fold) for kind in ("clean", "noisy")}
        self._score(REFERENCE, "clean", seed, label, entry, fold, None, stock["clean"])
        for front_end, scheme in ((f, s) for f in self.recipe.front_ends for s in self.recipe.schemes):
            kind = self.schemes[scheme]
            trainable = _trainable(self.front_ends[front_end])
            if "front_end" in kind.moves and not trainable:
                continue
            if self.front_ends[front_end].dropped_in_only and kind.moves:
                continue
            pretrained = self._pretrained(front_end, seed, label, fold) if trainable else None
            model = stock[kind.stock]
            if not kind.moves or (kind.moves == {"tasks"} and not self.has_model[label]):
                self._score(front_end, scheme, seed, label, entry, fold, pretrained, model)
                continue
            adapted = self._adapted(front_end, scheme, seed, label, entry, fold, pretrained, model)
            moved = "front_end" in kind.moves
            self._score(front_end, scheme, seed, label, entry, fold, adapted if moved else pretrained, adapted if self.has_model[label] else None, adapted)

    # Trainings.

    def _pretrained(self, front_end: str, seed: int, label: str, fold: Any) -> str:
        role = self._role(label, fold)
        sources = {}
        for other, entry in self.recipe.tasks.items():
            other_fold = fold if fold in entry.folds else entry.folds[0]
            if self._role(other, other_fold) == role:
                source = self._source(other, entry, other_fold, ("train", "validation"))
                sources[f"{source['targets']['name']} + {_name(source['interferers'])}"] = source
        entry = self.recipe.tasks[label]
        return self._train(
            f"pretrain {front_end}", front_end, {}, dict(sorted(sources.items())), Spec("pretraining", 1, {}), entry.train.pretrain, entry, seed, {}, True, fold
        )

    def _stock(self, kind: str, seed: int, label: str, entry: TaskEntry, fold: Any) -> str | None:
        if not self.has_model[label]:
            return None
        sources = {label: self._source(label, entry, fold, ("train", "validation"))}
        # The noisy stock model starts from the clean one and is trained as long as adapted models are, so that no scheme has seen more.
        starts = {} if kind == "clean" else {label: self._stock("clean", seed, label, entry, fold)}
        phase = entry.train.stock if kind == "clean" else entry.train.adapt
        return self._train(f"{label}: stock {kind}", None, {label: entry}, sources, FROZEN, phase, entry, seed, starts, kind == "noisy", fold)

    def _adapted(self, front_end: str, scheme: str, seed: int, label: str, entry: TaskEntry, fold: Any, pretrained: str | None, model: str | None) -> str:
        starts = {part: key for part, key in (("front_end", pretrained), (label, model)) if key is not None}
        sources = {label: self._source(label, entry, fold, ("train", "validation"))}
        spec = self.recipe.schemes[scheme]
        return self._train(f"{label}: {front_end} {scheme}", front_end, {label: entry}, sources, spec, entry.train.adapt, entry, seed, starts, True, fold)

    def _train(
        self,
        label: str,
        front_end: str | None,
        tasks: Mapping[str, TaskEntry],
        sources: Mapping[str, Any],
        scheme: Spec,
        phase: Phase,
        entry: TaskEntry,
        seed: int,
        starts: Mapping[str, Any],
        noisy: bool,
        fold: Any,
    ) -> str:
        config = {
            "protocol": PROTOCOL,
            "front_end": self._front_end_config(front_end),
            "tasks": {name: _task_config(each) for name, each in tasks.items()},
            "sources": sources,
            "scheme": scheme._asdict(),
            "phase": phase.model_dump(exclude={"workers"}),
            "train": entry.train.model_dump(include={"snr", "level", "validation_scenes"}),
            "level": entry.score.level,
            "noisy": noisy,
            "seed": seed,
            "starts": starts,
            "precision": str(self.recipe.trainer.precision),
            "accelerator": self.recipe.trainer.accelerator,
        }
        code = self._code(front_end) | {f"task {name}": source_digest(self.task_classes[name]) for name in tasks}
        code[f"scheme {scheme.name}"] = source_digest(scheme_class(scheme))
        return self._add(Cell("train", _labelled(label, seed, fold), config, tuple(starts.values()), code))

    # Scorings.

    def _score(
        self,
        front_end: str,
        scheme: str,
        seed: int,
        label: str,
        entry: TaskEntry,
        fold: Any,
        front_end_key: str | None,
        task_key: str | None,
        trained: str | None = None,
    ) -> None:
        source = self._source(label, entry, fold, ("test",))
        config = {
            "protocol": PROTOCOL,
            "front_end": None if front_end == REFERENCE else self._front_end_config(front_end),
            "label": label,
            "task": _task_config(entry),
            "source": source,
            "score": entry.score.model_dump(),
            "listeners": entry.listeners,
            "weights": {"front_end": front_end_key, "task": task_key},
            "accelerator": self.recipe.trainer.accelerator,
        }
        code = {f"task {label}": source_digest(self.task_classes[label])} | ({} if front_end == REFERENCE else self._code(front_end))
        needs = tuple(dict.fromkeys(key for key in (front_end_key, task_key) if key is not None))
        key = self._add(Cell("score", _labelled(f"{label}: {front_end} {scheme} scored", seed, fold), config, needs, code))
        own = [key for key in (trained, *needs) if key is not None]
        behind = tuple(dict.fromkeys([*own, *(ancestor for each in own for ancestor in self._ancestors(each))]))
        corpora = [self.corpora.open(source[role]) for role in ("targets", "interferers") if source[role] is not None]
        self.rows.append(
            Row(
                front_end,
                scheme,
                label,
                entry.task,
                seed,
                fold,
                key,
                behind,
                " | ".join(sorted({name for k in behind for name in self._trained_on(k)})),
                tuple(f"{source[role]['name']} {source[role]['version']}" for role in ("targets", "interferers") if source[role] is not None),
                any(corpus.synthetic for corpus in corpora),
            )
        )

    def _trained_on(self, key: str) -> list[str]:
        return [f"{_name(source['targets'])} + {_name(source['interferers'])}" for source in self.cells[key].config["sources"].values()]

    def _drop_repeated_schemes(self) -> None:
        """A scheme whose every record is another's of the same front-end makes no row: identity under `frozen` is identity under `noisy`."""
        records: dict[tuple[str, str], tuple[str, ...]] = {}
        for row in self.rows:
            records[row.front_end, row.scheme] = (*records.get((row.front_end, row.scheme), ()), row.record)
        seen, repeated = set(), set()
        for (front_end, scheme), keys in sorted(records.items(), key=lambda item: len(self.schemes[item[0][1]].moves) if item[0][1] in self.schemes else 0):
            if (front_end, keys) in seen:
                repeated.add((front_end, scheme))
            seen.add((front_end, keys))
        self.rows = [row for row in self.rows if (row.front_end, row.scheme) not in repeated]
        wanted = {key for row in self.rows for key in (row.record, *row.trained_by)}
        self.cells = {key: cell for key, cell in self.cells.items() if key in wanted}

    def _ancestors(self, key: str) -> Iterator[str]:
        for needed in self.cells[key].needs:
            yield needed
            yield from self._ancestors(needed)

    # What cells are made of.

    def _add(self, cell: Cell) -> str:
        return self.cells.setdefault(cell.key, cell).key

    def _source(self, label: str, entry: TaskEntry, fold: Any, splits: Sequence[str]) -> dict[str, Any]:
        where = f"tasks.{label}"
        targets = reference(entry.targets, f"{where}.targets", fold)
        interferers = None if entry.interferers is None else reference(entry.interferers, f"{where}.interferers")
        return {
            "targets": self.corpora.identity(targets, splits),
            "interferers": None if interferers is None else self.corpora.identity(interferers, splits),
        }

    def _role(self, label: str, fold: Any) -> str:
        entry = self.recipe.tasks[label]
        if entry.interferers is None:
            return "pairs"
        return self.corpora.open(reference(entry.interferers, f"tasks.{label}.interferers")).kind

    def _front_end_config(self, label: str | None) -> dict[str, Any]:
        if label is None:  # stock models are trained behind identity, whether the recipe ranks it or not
            return IDENTITY._asdict()
        parts = [m for m in self.front_ends[label].modules() if isinstance(m, FrontEnd)]
        spec = self.recipe.front_ends[label]._asdict()
        return spec | ({"parts": [[type(m).__name__, m.version] for m in parts[1:]]} if len(parts) > 1 else {})

    def _code(self, label: str | None) -> dict[str, str]:
        if label is None:
            return {}
        return {f"front-end {type(m).__name__}": source_digest(type(m)) for m in self.front_ends[label].modules() if isinstance(m, FrontEnd)}

    def _schema(self, label: str) -> Mapping[str, Any]:
        entry = self.recipe.tasks[label]
        return self.corpora.open(reference(entry.targets, f"tasks.{label}.targets", entry.folds[0])).schema


def build_scheme(spec: Spec | Mapping[str, Any]) -> Scheme:
    """A scheme from its specification."""
    name, _, config = spec.values() if isinstance(spec, Mapping) else spec
    return scheme_class(Spec(name, 1, config))(**config)


def scheme_class(spec: Spec) -> type[Scheme]:
    """The class of a scheme; `pretraining` is no row's scheme and stands apart."""
    if spec.name == "pretraining":
        from benchmark.training.pretraining import Pretraining

        return Pretraining
    return registry.load("schemes", spec.name)


def source_digest(cls: type) -> str:
    """Digest of what a class's own files say, blind to comments, layout and docstrings; the contracts and other packages are left out."""
    parts = []
    for base in cls.__mro__:
        path = inspect.getsourcefile(base) if base.__module__ not in ("builtins", "benchmark.contracts", "abc", "typing") else None
        if path and "site-packages" not in path and base.__module__.split(".")[0] not in ("torch", "lightning"):
            tree = ast.parse(Path(path).read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                body = getattr(node, "body", None)
                if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                    body[0] = ast.Pass()
            parts.append(ast.dump(tree))
    return digest(parts)


def _entry(spec: Spec) -> dict[str, Any]:
    return {spec.name: dict(spec.config)}


def _task_config(entry: TaskEntry) -> dict[str, Any]:
    return {"name": entry.task, "version": getattr(registry.load("tasks", entry.task), "version", 1), "config": entry.model}


def _trainable(module: Any) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _labelled(label: str, seed: int, fold: Any) -> str:
    return f"{label}, seed {seed}" + ("" if fold is None else f", fold {fold}")


def _placeless(value: Any) -> Any:
    return {key: _placeless(entry) for key, entry in value.items() if key != "path"} if isinstance(value, Mapping) else value


def _name(source: Mapping[str, Any] | None) -> str:
    return "nothing" if source is None else source["name"]
