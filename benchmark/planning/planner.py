"""From a recipe to a plan: the rows, and the cells that they depend on.

What a row starts from (a pre-trained front-end, a stock task model) is named by its scheme: `Scheme.artefacts`.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import provenance, registry
from benchmark.catalogue import Corpora, rows_of
from benchmark.contracts import FRONT_END, MODEL, ROLES, SPLITS, Artefact, Scheme, Spec
from benchmark.errors import EarmarkError
from benchmark.options import bind
from benchmark.planning.cells import REFERENCE, Cell, Enhancing, Measuring, Scoring, SourceContent, Training, identity
from benchmark.planning.components import Components, roles_of
from benchmark.planning.plan import Plan, PlannedRow
from benchmark.planning.recipe import Recipe, TaskEntry
from benchmark.recording_checks import told
from benchmark.settings import Mixing, Phase, ScoredScenes, Train
from benchmark.store import digest


def make_plan(recipe: Recipe, corpora: Corpora) -> Plan:
    """The plan of a recipe.

    Raises EarmarkError where corpora are missing (a line for each), where a component cannot be built or lacks what it
    needs, and where a row would be tested on what it was trained on.
    """
    if missing := [error for errors in missing_corpora(recipe, corpora).values() for error in errors]:
        raise EarmarkError("\nearmark: ".join(dict.fromkeys(missing)))
    return _Planner(recipe, corpora).plan()


def missing_corpora(recipe: Recipe, corpora: Corpora) -> dict[str, list[str]]:
    """What is missing of each task's corpora, in every split of every fold, and where to get it; by task."""
    found: dict[str, str | None] = {}
    missing: dict[str, list[str]] = {}
    for label, entry in recipe.tasks.items():
        for fold in entry.folds:
            for role, used in roles_of(entry, label, fold).items():
                key = digest([dataclasses.asdict(used), ROLES[role].labelled, role == "interferers"])
                if key not in found:
                    found[key] = corpora.missing(used, ROLES[role].labelled, targets=role != "interferers")
                if (error := found[key]) is not None and error not in missing.get(label, []):
                    missing.setdefault(label, []).append(error)
    return missing


@dataclass(frozen=True)
class _Trial:
    """A task of the recipe, one of its folds and a seed: what a row is trained and scored on."""

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
        self.rows: list[PlannedRow] = []
        self.compared: dict[str, str | None] = {}  # what two corpora share, by a digest of both
        self.components = Components(recipe, corpora)

    def plan(self) -> Plan:
        self._check_labels()
        for seed in self.recipe.seeds:
            for task, entry in self.recipe.tasks.items():
                for fold in entry.folds:
                    self._rows(_Trial(task, entry, fold, seed))
        self._drop_repeated_schemes()
        return Plan(self.recipe, self.cells, self.rows, self.components.schemas)

    def _check_labels(self) -> None:
        """Raise EarmarkError with a line for every target whose label a task cannot use."""
        wrong = []
        for label, entry in self.recipe.tasks.items():
            targets, task = roles_of(entry, label, entry.folds[0])["targets"], self.components.tasks[label]
            corpus = self.corpora.open(targets)
            if corpus.synthetic:
                continue
            rows = [row for split in SPLITS for row in rows_of(corpus, split)]
            found: dict[str, str] = {}
            for row in rows:
                try:
                    task.check(row)
                except ValueError as error:
                    found[str(row["id"])] = str(error)
            if found:
                wrong.append(told(targets.name, found, len(rows), self.corpora.cache))
        if wrong:
            raise EarmarkError("\nearmark: ".join(wrong))

    def _rows(self, trial: _Trial) -> None:
        self._score(REFERENCE, "clean", trial, {MODEL: self._artefact(Scheme().artefacts()[MODEL], None, trial)})
        for front_end, scheme in ((f, s) for f in self.recipe.front_ends for s in self.recipe.schemes):
            if self._fits(front_end, scheme, trial):
                self._score(front_end, scheme, trial, self._weights(front_end, scheme, trial))

    def _fits(self, front_end: str, scheme: str, trial: _Trial) -> bool:
        """Whether a front-end and a scheme make a row of this task: they do not where the scheme cannot train it."""
        built, how = self.components.front_ends[front_end], self.components.schemes[scheme]
        if not built.needs <= self.components.offered(trial.task):
            return False
        heard_through = self.recipe.together.get(scheme, (trial.task,)) if how.through_task else ()
        if not all(self.components.models[task].differentiable for task in heard_through):
            return False
        if FRONT_END in how.moves and not built.trainable:
            return False
        return not (how.moves and built.dropped_in_only)

    def _weights(self, front_end: str, scheme: str, trial: _Trial) -> dict[str, str | None]:
        """The trainings whose weights a row is scored with, by FRONT_END and MODEL."""
        if scheme in self.recipe.together:
            return self._together(front_end, scheme, trial)
        how = self.components.schemes[scheme]
        artefacts = how.artefacts()
        starts = {part: self._artefact(each, front_end, trial) for part, each in artefacts.items()}
        moved = {part for part in how.moves if part != MODEL or self.components.models[trial.task].trainable}
        if not moved:
            return starts
        spec, phase = self._scheme(scheme, trial.entry.train)
        others = _others(artefacts)
        key = self._train(
            f"{trial.task}: {front_end} {scheme}", front_end, [trial], spec, phase, self._named(starts, trial), others
        )
        return {part: key if part in moved else start for part, start in starts.items()}

    # Trainings.

    def _artefact(self, artefact: Artefact, front_end: str | None, trial: _Trial) -> str | None:
        """The key of the training of an artefact; None where there is nothing to train."""
        if artefact.front_end and (front_end is None or not self.components.front_ends[front_end].trainable):
            return None
        if artefact.task and not self.components.models[trial.task].trainable:
            return None
        starts = {part: self._artefact(each, front_end, trial) for part, each in artefact.starts.items()}
        title = artefact.title.format(front_end=front_end, task=trial.task)
        return self._trained_as(artefact, title, front_end, trial, self._named(starts, trial))

    def _trained_as(
        self, artefact: Artefact, title: str, front_end: str | None, trial: _Trial, starts: Mapping[str, str]
    ) -> str:
        cls: Any = registry.load("schemes", artefact.scheme)
        return self._train(
            title,
            front_end if artefact.front_end else None,
            [trial] if artefact.task else [],
            Spec(artefact.scheme, cls.version, bind(artefact.scheme, cls, {})),
            getattr(trial.entry.train, artefact.phase),
            starts,
            {**_others(artefact.starts), **artefact.others},
            trial if artefact.task else self._shared_settings(trial),
            artefact.noisy,
        )

    def _shared_settings(self, trial: _Trial) -> _Trial:
        """The trial with the recipe's number of validation scenes: tasks that differ in it alone share a training."""
        train = trial.entry.train.model_copy(update={"validation_scenes": self.recipe.train.validation_scenes})
        return dataclasses.replace(trial, entry=trial.entry.model_copy(update={"train": train}))

    def _together(self, front_end: str, scheme: str, trial: _Trial) -> dict[str, str | None]:
        """The trainings of a row whose front-end several tasks train together, each with its own batches.

        The front-end is pre-trained with the settings of the first of these tasks. The model of any other task adapts
        to its output, as a stock model does to noise.
        """
        partners, tasks = self.recipe.together[scheme], self.recipe.tasks
        trials = [_Trial(task, tasks[task], tasks[task].folds[0], trial.seed) for task in tasks if task in partners]
        first = next(each for each in trials if each.task == partners[0])
        how = self.components.schemes[scheme]
        artefacts = how.artefacts()
        starts = {part: self._artefact(each, front_end, first) for part, each in artefacts.items() if part != MODEL}
        if MODEL in artefacts:
            starts |= {each.task: self._artefact(artefacts[MODEL], front_end, each) for each in trials}
        spec, phase = self._scheme(scheme, self.recipe.train)
        settings = dataclasses.replace(first, entry=first.entry.model_copy(update={"train": self.recipe.train}))
        shared = self._train(
            f"{front_end} {scheme}", front_end, trials, spec, phase, _present(starts), _others(artefacts), settings
        )
        own = self._artefact(artefacts[MODEL], front_end, trial) if MODEL in artefacts else None
        if own is None or trial.task in partners:
            return {FRONT_END: shared, MODEL: shared if own and MODEL in how.moves else own}
        title = how.follower.title.format(front_end=f"{front_end} {scheme}", task=trial.task)
        key = self._trained_as(how.follower, title, front_end, trial, {FRONT_END: shared, trial.task: own})
        return {FRONT_END: shared, MODEL: key}

    def _scheme(self, label: str, train: Train) -> tuple[Spec, Phase]:
        """A scheme with its training budget.

        Its period must divide the steps between two validations: else an epoch would end within a round of updates.
        """
        period = self.components.schemes[label].period
        if train.adapt.epoch % period:
            raise EarmarkError(
                f"schemes.{label}: period: {period} does not divide the {train.adapt.epoch} steps between two "
                "validations of train.adapt; change either"
            )
        return self.recipe.schemes[label], train.adapt

    def _named(self, starts: Mapping[str, str | None], trial: _Trial) -> dict[str, str]:
        """Existing starting weights by part name; MODEL becomes the task's label."""
        return {trial.task if part == MODEL else part: key for part, key in _present(starts).items()}

    def _train(
        self,
        what: str,
        front_end: str | None,
        trials: Sequence[_Trial],
        scheme: Spec,
        phase: Phase,
        starts: Mapping[str, str],
        others: Mapping[str, Spec],
        settings: _Trial | None = None,
        noisy: bool = True,
    ) -> str:
        """Add a training for the tasks of `trials` (none: a front-end alone), with the recipe keys of `settings`."""
        trial = settings or trials[0]
        tasks = [each.task for each in trials]
        if taken := sorted(others.keys() & {FRONT_END, MODEL, *tasks}):
            raise EarmarkError(f"schemes: {scheme.name}: a part called {taken[0]} is there already; name it otherwise")
        sources = {each.task: self._source(each, ("train", "validation")) for each in trials}
        needs = [self.components.tasks[task].needs for task in tasks]
        needs += [self.components.front_ends[front_end].needs] if front_end else []
        code = self.components.front_end_code(front_end)
        for task in tasks:
            code |= self.components.task_code(task)
        code[f"scheme {scheme.name}"] = provenance.source_digest(registry.load("schemes", scheme.name))
        work = Training(
            front_end=self.components.front_end_spec(front_end),
            tasks={task: self.components.task_spec(task) for task in tasks},
            sources=sources or self._similar_sources(trial),
            scheme=scheme,
            phase=phase.model_copy(update={"workers": 0}),
            mixing=Mixing(**trial.entry.train.model_dump(include={*Mixing.model_fields})),
            validation_level=trial.entry.score.level,
            noisy=noisy,
            listeners=any("listener" in needed for needed in needs),
            seed=trial.seed,
            starts=starts,
            precision=str(self.recipe.trainer.precision),
            accelerator=self.recipe.trainer.accelerator,
            others=others,
        )
        return self._add(Cell(trial.name(what), work, code, phase.workers))

    def _similar_sources(self, trial: _Trial) -> dict[str, SourceContent]:
        """The corpora of all tasks with the same kind of scenes, each combination once."""
        kind, sources = self._kind_of_scenes(trial.task), {}
        for other, entry in self.recipe.tasks.items():
            if self._kind_of_scenes(other) == kind:
                fold = trial.fold if trial.fold in entry.folds else entry.folds[0]
                source = self._source(_Trial(other, entry, fold, trial.seed), ("train", "validation"))
                sources[f"{_joined(source)} {digest(identity(source))}"] = source
        return dict(sorted(sources.items()))

    def _kind_of_scenes(self, task: str) -> dict[str, str]:
        """The kinds of the corpora that a task adds to its targets, by role: interferers, rooms."""
        roles = roles_of(self.recipe.tasks[task], task, self.recipe.tasks[task].folds[0])
        return {role: self.corpora.open(corpus).kind for role, corpus in roles.items() if not ROLES[role].required}

    # Enhancing and scoring.

    def _score(self, front_end: str, scheme: str, trial: _Trial, starts: Mapping[str, str | None]) -> None:
        weights = _present(starts)
        source, scenes = self._source(trial, ("test",)), self._scenes(front_end, trial)
        task = self.components.tasks[trial.task]
        heard_by = self.components.listeners(trial.task) if "listener" in task.needs else None
        enhanced = measured = knows_listener = None
        if front_end != REFERENCE:
            knows_listener = "listener" in self.components.front_ends[front_end].needs
            enhanced = self._add(
                Cell(
                    trial.name(f"{trial.task}: {front_end} {self._trained(weights.get(FRONT_END))}enhanced"),
                    Enhancing(
                        front_end=self.components.front_end_spec(front_end),
                        weights=_only(FRONT_END, weights),
                        source=source,
                        scenes=scenes,
                        listeners=heard_by if knows_listener else None,
                        accelerator=self.recipe.trainer.accelerator,
                    ),
                    self.components.front_end_code(front_end),
                )
            )
            spec, code = self.components.front_end_spec(front_end), self.components.front_end_code(front_end)
            measured = self._add(Cell(f"measure {front_end}", Measuring(spec), code))
        work = Scoring(
            label=trial.task,
            task=self.components.task_spec(trial.task),
            enhanced=enhanced,
            weights=_only(MODEL, weights),
            prescribed=not knows_listener,
            source=source,
            scenes=scenes,
            listeners=heard_by,
            accelerator=self.recipe.trainer.accelerator,
        )
        code = self.components.task_code(trial.task)
        key = self._add(Cell(trial.name(f"{trial.task}: {front_end} {scheme} scored"), work, code))
        needs = [weights[part] for part in (MODEL, FRONT_END) if part in weights]
        behind = tuple(dict.fromkeys([*needs, *(above for needed in needs for above in self._ancestors(needed))]))
        self._check_unseen(trial, source, behind)
        elsewhere = set() if front_end == REFERENCE else {*self.components.front_ends[front_end].learned_elsewhere}
        model_learned = {self.components.models[trial.task].pretrained_on} - {""}
        trained = [self._training(needed) for needed in behind]
        heard = {_joined(each) for training in trained for each in training.sources.values()}
        self.rows.append(
            PlannedRow(
                front_end=front_end,
                scheme=scheme,
                task=trial.task,
                component=trial.entry.task,
                seed=trial.seed,
                fold=trial.fold,
                record=key,
                enhanced=enhanced,
                measured=measured,
                trained_by=behind,
                training_data=" | ".join(sorted(heard | elsewhere | model_learned)),
                track="open" if elsewhere or model_learned else "closed",
                corpora=tuple(f"{corpus.name} {corpus.version}" for corpus in source.values()),
                synthetic=any(self.corpora.open(corpus).synthetic for corpus in source.values()),
            )
        )

    def _trained(self, key: str | None) -> str:
        """The scheme that trained the front-end with a task, for the label of its enhancing; "" for any other."""
        if key is None or not self._training(key).tasks:
            return ""
        return f"{self.cells[key].label.partition(',')[0].split()[-1]} "

    def _scenes(self, front_end: str, trial: _Trial) -> ScoredScenes:
        """The test scenes of a row. A front-end that works on exported scenes has no clean ones."""
        scenes = ScoredScenes(**trial.entry.score.model_dump(include={*ScoredScenes.model_fields}))
        if front_end == REFERENCE or not self.components.front_ends[front_end].exported:
            return scenes
        roles = roles_of(trial.entry, trial.task, trial.fold)
        if self.corpora.open(roles["targets"]).kind == "pairs":
            return scenes
        noisy = tuple(snr for snr in scenes.snr if snr != "clean")
        if not noisy or "interferers" not in roles:
            raise EarmarkError(
                f"front_ends.{front_end}: clean scenes are never exported, and tasks.{trial.task} has no others; leave "
                "one of them out"
            )
        return scenes.model_copy(update={"snr": noisy})

    def _check_unseen(self, trial: _Trial, source: SourceContent, behind: Sequence[str]) -> None:
        """Raise EarmarkError where a training behind a row used a recording or group that the row is tested on."""
        for role, tested in source.items():
            for key in behind:
                for used in (corpus for each in self._training(key).sources.values() for corpus in each.values()):
                    if shared := self._shared(used, tested, ROLES[role].by_group):
                        raise EarmarkError(
                            f"tasks.{trial.task}: '{self.cells[key].label}' trains on {shared}, of {tested.name}, "
                            "which this task is tested on; keep each in one split, give tasks that share a corpus the "
                            "same folds, or put them into separate recipes"
                        )

    def _shared(self, used: Any, tested: Any, groups_too: bool) -> str | None:
        key = digest([dataclasses.asdict(used), dataclasses.asdict(tested), groups_too])
        if key not in self.compared:
            self.compared[key] = self.corpora.shared(used, tested, groups_too)
        return self.compared[key]

    def _drop_repeated_schemes(self) -> None:
        """Drop schemes that have the same records as another for the same front-end, and cells that no row depends on.

        An example is identity under `frozen`, which is identity under `noisy`.
        """
        records: dict[tuple[str, str], tuple[str, ...]] = {}
        for row in self.rows:
            records[row.front_end, row.scheme] = (*records.get((row.front_end, row.scheme), ()), row.record)
        seen, repeated = set(), set()
        for (front_end, scheme), keys in sorted(records.items(), key=lambda item: self._place(*item[0])):
            if (front_end, keys) in seen:
                repeated.add((front_end, scheme))
            seen.add((front_end, keys))
        self.rows = [row for row in self.rows if (row.front_end, row.scheme) not in repeated]
        wanted = {key for row in self.rows for key in row.behind}
        self.cells = {key: cell for key, cell in self.cells.items() if key in wanted}

    def _place(self, front_end: str, scheme: str) -> tuple[int, bool]:
        """The order in which repeated schemes are kept: those that move least; of these, the baseline."""
        if scheme not in self.components.schemes:
            return 0, True
        spec = self.recipe.front_ends.get(front_end)
        baseline = spec is not None and spec.name == "identity" and self.recipe.schemes[scheme].name == "noisy"
        return len(self.components.schemes[scheme].moves), not baseline

    # Cells and corpora by key.

    def _training(self, key: str) -> Training:
        work = self.cells[key].work
        assert isinstance(work, Training)
        return work

    def _ancestors(self, key: str) -> Iterator[str]:
        for needed in self.cells[key].needs:
            yield needed
            yield from self._ancestors(needed)

    def _add(self, cell: Cell) -> str:
        return self.cells.setdefault(cell.key, cell).key

    def _source(self, trial: _Trial, splits: Sequence[str]) -> SourceContent:
        roles = roles_of(trial.entry, trial.task, trial.fold)
        return {role: self.corpora.identity(used, splits) for role, used in roles.items()}


def _joined(source: SourceContent) -> str:
    return " + ".join(corpus.name for corpus in source.values())


def _others(artefacts: Mapping[str, Artefact]) -> dict[str, Spec]:
    """The further parts that artefacts hold."""
    return {part: spec for artefact in artefacts.values() for part, spec in artefact.others.items()}


def _only(part: str, weights: Mapping[str, str]) -> dict[str, str]:
    return {part: weights[part]} if part in weights else {}


def _present(starts: Mapping[str, str | None]) -> dict[str, str]:
    return {part: key for part, key in starts.items() if key is not None}
