"""A recipe to a plan: which cells its rows stand on. Trainings that no row names are artefacts (a pre-trained
front-end, a stock task model).
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import provenance
from benchmark.catalogue import Corpora, reference
from benchmark.contracts import PROTOCOL, Spec
from benchmark.errors import EarmarkError
from benchmark.frontends import learned_elsewhere
from benchmark.planning.cells import REFERENCE, Cell, Plan, Row, placeless
from benchmark.planning.components import Components, trainable
from benchmark.planning.recipe import Recipe, TaskEntry
from benchmark.settings import Phase, Train
from benchmark.store import digest
from benchmark.training.schemes import scheme_class

FROZEN = Spec("frozen", 1, {})


def make_plan(recipe: Recipe, corpora: Corpora) -> Plan:
    """Every cell and row of a recipe. Raises EarmarkError where corpora are missing, naming each of them, or a row's
    needs are not met.
    """
    if missing := [error for errors in missing_corpora(recipe, corpora).values() for error in errors]:
        raise EarmarkError("\nearmark: ".join(dict.fromkeys(missing)))
    return _Planner(recipe, corpora).plan()


def missing_corpora(recipe: Recipe, corpora: Corpora) -> dict[str, list[str]]:
    """By task, what is not where it should be, and where to get it; every split of every fold is listed."""
    found: dict[str, str | None] = {}
    missing: dict[str, list[str]] = {}
    for label, entry in recipe.tasks.items():
        used = [reference(entry.targets, f"tasks.{label}.targets", fold) for fold in entry.folds]
        used += [] if entry.interferers is None else [reference(entry.interferers, f"tasks.{label}.interferers")]
        for index, each in enumerate(used):
            key = digest([each, index < len(entry.folds)])
            if key not in found:
                found[key] = corpora.missing(each, labelled=index < len(entry.folds))
            if (error := found[key]) is not None:
                missing.setdefault(label, []).append(error)
    return missing


@dataclass(frozen=True)
class _Place:
    """What a row is on: a task of the recipe, one of its folds, a seed."""

    task: str
    entry: TaskEntry
    fold: Any
    seed: int

    def name(self, what: str) -> str:
        """A cell's label for people."""
        return f"{what}, seed {self.seed}" + ("" if self.fold is None else f", fold {self.fold}")


class _Planner:
    def __init__(self, recipe: Recipe, corpora: Corpora) -> None:
        self.recipe = recipe
        self.corpora = corpora
        self.cells: dict[str, Cell] = {}
        self.rows: list[Row] = []
        self.compared: dict[str, str | None] = {}  # what pairs of corpora share
        self.components = Components(recipe, corpora)

    def plan(self) -> Plan:
        for seed in self.recipe.seeds:
            for task, entry in self.recipe.tasks.items():
                for fold in entry.folds:
                    self._rows(_Place(task, entry, fold, seed))
        self._drop_repeated_schemes()
        return Plan(self.recipe, self.cells, self.rows, self.components.schemas)

    def _rows(self, place: _Place) -> None:
        stock = {kind: self._stock(kind, place) for kind in ("clean", "noisy")}
        self._score(REFERENCE, "clean", place, None, stock["clean"])
        for front_end, scheme in ((f, s) for f in self.recipe.front_ends for s in self.recipe.schemes):
            moves = self.components.schemes[scheme].moves
            can_learn = trainable(self.components.front_ends[front_end])
            if not self.components.front_ends[front_end].needs <= self.components.offered(place.task):
                continue
            if ("front_end" in moves and not can_learn) or (
                moves and self.components.front_ends[front_end].dropped_in_only
            ):
                continue
            if scheme in self.recipe.together:
                shared = self._trained_together(front_end, scheme, place.seed)
                self._score(
                    front_end, scheme, place, shared, self._follower(front_end, scheme, place, shared, stock["clean"])
                )
                continue
            pretrained = self._pretrained(front_end, place) if can_learn else None
            model = stock[self.components.schemes[scheme].stock]
            if not moves or (moves == {"tasks"} and not self.components.has_model[place.task]):
                self._score(front_end, scheme, place, pretrained, model)
                continue
            adapted = self._adapted(front_end, scheme, place, pretrained, model)
            self._score(
                front_end,
                scheme,
                place,
                adapted if "front_end" in moves else pretrained,
                adapted if self.components.has_model[place.task] else None,
            )

    # Trainings.

    def _pretrained(self, front_end: str, place: _Place) -> str:
        role = self._role(place.task)
        sources = {}
        for other, entry in self.recipe.tasks.items():
            if self._role(other) == role:
                fold = place.fold if place.fold in entry.folds else entry.folds[0]
                source = self._source(_Place(other, entry, fold, place.seed), ("train", "validation"))
                sources[f"{_joined(source)} {digest(placeless(source))}"] = source
        spec = Spec("pretraining", 1, {})
        # How many scenes a task is validated on is its own affair: tasks that differ in that alone share one
        # pre-training.
        train = place.entry.train.model_copy(update={"validation_scenes": self.recipe.train.validation_scenes})
        place = dataclasses.replace(place, entry=place.entry.model_copy(update={"train": train}))
        return self._train(
            f"pretrain {front_end}",
            front_end,
            (),
            dict(sorted(sources.items())),
            spec,
            place.entry.train.pretrain,
            place,
            {},
        )

    def _stock(self, kind: str, place: _Place) -> str | None:
        if not self.components.has_model[place.task]:
            return None
        # The noisy stock model starts from the clean one and is trained as long as adapted models are, so that no
        # scheme has seen more.
        starts = {} if kind == "clean" else {place.task: self._stock("clean", place)}
        phase = place.entry.train.stock if kind == "clean" else place.entry.train.adapt
        return self._train(
            f"{place.task}: stock {kind}",
            None,
            (place.task,),
            self._training_source(place),
            FROZEN,
            phase,
            place,
            starts,
            kind == "noisy",
        )

    def _adapted(self, front_end: str, scheme: str, place: _Place, pretrained: str | None, model: str | None) -> str:
        starts = {part: key for part, key in (("front_end", pretrained), (place.task, model)) if key is not None}
        spec, phase = self._scheme(scheme, place.entry.train)
        return self._train(
            f"{place.task}: {front_end} {scheme}",
            front_end,
            (place.task,),
            self._training_source(place),
            spec,
            phase,
            place,
            starts,
        )

    def _trained_together(self, front_end: str, scheme: str, seed: int) -> str:
        """One front-end by several tasks, each with its own batches; pre-trained and timed as the first of them
        says.
        """
        partners = self.recipe.together[scheme]
        places = {
            task: _Place(task, entry, entry.folds[0], seed)
            for task, entry in self.recipe.tasks.items()
            if task in partners
        }
        first = places[partners[0]]
        pretrained = self._pretrained(front_end, first)
        stock = {task: self._stock("clean", place) for task, place in places.items()}
        starts = {"front_end": pretrained, **{task: key for task, key in stock.items() if key is not None}}
        sources = {task: self._source(place, ("train", "validation")) for task, place in places.items()}
        together = dataclasses.replace(first, entry=first.entry.model_copy(update={"train": self.recipe.train}))
        spec, phase = self._scheme(scheme, self.recipe.train)
        return self._train(f"{front_end} {scheme}", front_end, tuple(places), sources, spec, phase, together, starts)

    def _follower(self, front_end: str, scheme: str, place: _Place, shared: str, model: str | None) -> str | None:
        """The weights of a task's model behind a front-end that several tasks trained; a task that was not among them
        adapts to it, as under `frozen`.
        """
        if model is None or place.task in self.recipe.together[scheme]:
            return shared if model else None
        starts, phase = {"front_end": shared, place.task: model}, place.entry.train.adapt
        return self._train(
            f"{place.task}: behind {front_end} {scheme}",
            front_end,
            (place.task,),
            self._training_source(place),
            FROZEN,
            phase,
            place,
            starts,
        )

    def _scheme(self, label: str, train: Train) -> tuple[Spec, Phase]:
        """A scheme with the training it runs in; its period must fit between two validations, else batches would be
        held when an epoch ends.
        """
        period = self.components.schemes[label].period
        if train.adapt.epoch % period:
            raise EarmarkError(
                f"schemes.{label}: period: {period} does not divide the {train.adapt.epoch} steps between two "
                "validations of train.adapt; change either"
            )
        return self.recipe.schemes[label], train.adapt

    def _training_source(self, place: _Place) -> dict[str, Any]:
        return {place.task: self._source(place, ("train", "validation"))}

    def _train(
        self,
        what: str,
        front_end: str | None,
        tasks: Sequence[str],
        sources: Mapping[str, Any],
        scheme: Spec,
        phase: Phase,
        place: _Place,
        starts: Mapping[str, Any],
        noisy: bool = True,
    ) -> str:
        config = {
            "protocol": PROTOCOL,
            "front_end": self.components.front_end_config(front_end),
            "tasks": {task: self.components.task_config(task) for task in tasks},
            "sources": sources,
            "scheme": scheme._asdict(),
            "phase": phase.model_dump(exclude={"workers"}),
            "train": place.entry.train.model_dump(include={"snr", "level", "validation_scenes"}),
            "level": place.entry.score.level,
            "noisy": noisy,
            "seed": place.seed,
            "starts": starts,
            "precision": str(self.recipe.trainer.precision),
            "accelerator": self.recipe.trainer.accelerator,
        }
        heard_by: list[Any] = [
            *(self.components.task_classes[task] for task in tasks),
            *([self.components.front_ends[front_end]] if front_end else []),
        ]
        if any("listener" in component.needs for component in heard_by):
            config["listeners"] = True
        code = self.components.front_end_code(front_end) | {
            name: value for task in tasks for name, value in self.components.task_code[task].items()
        }
        code[f"scheme {scheme.name}"] = provenance.source_digest(scheme_class(scheme))
        return self._add(Cell("train", place.name(what), config, tuple(starts.values()), code, phase.workers))

    # Scorings.

    def _score(
        self, front_end: str, scheme: str, place: _Place, front_end_key: str | None, task_key: str | None
    ) -> None:
        source = self._source(place, ("test",))
        config = {
            "protocol": PROTOCOL,
            "front_end": None if front_end == REFERENCE else self.components.front_end_config(front_end),
            "label": place.task,
            "task": self.components.task_config(place.task),
            "source": source,
            "score": self._scored(front_end, place),
            "weights": {"front_end": front_end_key, "task": task_key},
            "accelerator": self.recipe.trainer.accelerator,
        }
        code = self.components.task_code[place.task] | (
            {} if front_end == REFERENCE else self.components.front_end_code(front_end)
        )
        if "listener" in self.components.task_classes[place.task].needs:
            config["listeners"] = self.components.listeners(place.task)
        needs = tuple(dict.fromkeys(key for key in (task_key, front_end_key) if key is not None))
        key = self._add(Cell("score", place.name(f"{place.task}: {front_end} {scheme} scored"), config, needs, code))
        behind = tuple(dict.fromkeys([*needs, *(ancestor for needed in needs for ancestor in self._ancestors(needed))]))
        self._check_unseen(place, source, behind)
        roles = [source[role] for role in ("targets", "interferers") if source[role] is not None]
        elsewhere = set() if front_end == REFERENCE else learned_elsewhere(self.components.front_ends[front_end])
        self.rows.append(
            Row(
                front_end,
                scheme,
                place.task,
                place.entry.task,
                place.seed,
                place.fold,
                key,
                behind,
                " | ".join(
                    sorted(
                        {_joined(each) for needed in behind for each in self.cells[needed].config["sources"].values()}
                        | elsewhere
                    )
                ),
                "open" if elsewhere else "closed",
                tuple(f"{role['name']} {role['version']}" for role in roles),
                any(self.corpora.open(role).synthetic for role in roles),
            )
        )

    def _scored(self, front_end: str, place: _Place) -> dict[str, Any]:
        """What is scored, in a cell's identity."""
        score = place.entry.score.model_dump(
            exclude={"listeners"} | ({"seed"} if place.entry.score.seed is None else set())
        )
        if front_end == REFERENCE or not self.components.front_ends[front_end].exported:
            return score
        pairs = (
            self.corpora.open(reference(place.entry.targets, f"tasks.{place.task}.targets", place.fold)).kind == "pairs"
        )
        noisy = tuple(snr for snr in score["snr"] if snr != "clean")
        if not pairs and (not noisy or place.entry.interferers is None):
            raise EarmarkError(
                f"front_ends.{front_end}: clean scenes are never exported, and tasks.{place.task} has no others; leave "
                "one of them out"
            )
        return score if pairs else score | {"snr": noisy}

    def _check_unseen(self, place: _Place, source: Mapping[str, Any], behind: Sequence[str]) -> None:
        """EarmarkError where a training behind a row heard a recording, or a target's speaker, that the row is tested
        on.
        """
        for role in ("targets", "interferers"):
            for cell in (self.cells[key] for key in behind):
                for used in (
                    entry[other] for entry in cell.config["sources"].values() for other in ("targets", "interferers")
                ):
                    if (
                        used is not None
                        and source[role] is not None
                        and (shared := self._shared(used, source[role], role == "targets"))
                    ):
                        raise EarmarkError(
                            f"tasks.{place.task}: '{cell.label}' trains on {shared}, of {source[role]['name']}, which "
                            "this task is tested on; "
                            "give each to one split, and tasks that share a corpus the same folds, or put them into "
                            "recipes of their own"
                        )

    def _shared(self, used: Mapping[str, Any], tested: Mapping[str, Any], groups_too: bool) -> str | None:
        key = digest([used, tested, groups_too])
        if key not in self.compared:
            self.compared[key] = self.corpora.shared(used, tested, groups_too)
        return self.compared[key]

    def _drop_repeated_schemes(self) -> None:
        """A scheme whose every record is another's of the same front-end makes no row: identity under `frozen` is
        identity under `noisy`.
        """
        records: dict[tuple[str, str], tuple[str, ...]] = {}
        for row in self.rows:
            records[row.front_end, row.scheme] = (*records.get((row.front_end, row.scheme), ()), row.record)
        seen, repeated = set(), set()
        schemes = self.components.schemes
        for (front_end, scheme), keys in sorted(
            records.items(), key=lambda item: len(schemes[item[0][1]].moves) if item[0][1] in schemes else 0
        ):
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

    def _source(self, place: _Place, splits: Sequence[str]) -> dict[str, Any]:
        where, entry = f"tasks.{place.task}", place.entry
        targets = reference(entry.targets, f"{where}.targets", place.fold)
        interferers = None if entry.interferers is None else reference(entry.interferers, f"{where}.interferers")
        return {
            "targets": self.corpora.identity(targets, splits),
            "interferers": None if interferers is None else self.corpora.identity(interferers, splits),
        }

    def _role(self, task: str) -> str:
        entry = self.recipe.tasks[task]
        if entry.interferers is None:
            return "pairs"
        return self.corpora.open(reference(entry.interferers, f"tasks.{task}.interferers")).kind


def _joined(source: Mapping[str, Any]) -> str:
    return " + ".join(source[role]["name"] for role in ("targets", "interferers") if source[role] is not None)
