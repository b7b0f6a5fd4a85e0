"""A front-end joined to task models, and trained by a scheme: the one LightningModule."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from typing import Any, cast

import lightning as L
import pandas as pd
import torch
from torch import Tensor, nn

from benchmark.contracts import (
    FRONT_END,
    MODEL,
    SAMPLE_RATE,
    Batch,
    Enhanced,
    FrontEnd,
    Scheme,
    SignalTask,
    Task,
    TaskModel,
    Update,
    primary,
)
from benchmark.enhancer import Enhancer, by_ear
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.settings import Phase


class System(L.LightningModule):
    """Named parts, and the scheme that trains them; without a scheme it only evaluates.

    The parts are the front-end (FRONT_END, as the engine runs it), the task model of each label, and any others that a
    scheme asks for. A step runs the scheme's updates one after the other. Each update moves the parts that it names and
    no others: gradients are accumulated into these alone, and only modules in training mode change their buffers.

    Args:
        front_end: the front-end
        models: task models by label; a signal task is its own
        scheme: what trains them; None: nothing does
        phase: the budget of the training
        seed: of dropout and the like
        others: further parts by name
        prescribed: whether a task's prescription, if it has one, follows a front-end that does not know the listener
    """

    def __init__(
        self,
        front_end: FrontEnd,
        models: Mapping[str, TaskModel],
        scheme: Scheme | None = None,
        phase: Phase | None = None,
        seed: int = 0,
        others: Mapping[str, nn.Module] | None = None,
        prescribed: bool = True,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.parts = nn.ModuleDict({FRONT_END: Enhancer(front_end), **models, **(others or {})})
        self.tasks: dict[str, Task] = {label: _task_of(model) for label, model in models.items()}
        behind = prescribed and "listener" not in front_end.needs
        self.prescriptions = nn.ModuleDict(
            {
                label: build_front_end(task.prescription)
                for label, task in self.tasks.items()
                if behind and task.prescription is not None
            }
        )
        self.scheme = scheme
        self.phase = phase or Phase()
        self.seed = seed
        self.counts = {"front_end": 0, "task": 0, "audio_seconds": 0.0}
        self._seen: dict[str, list[Any]] = {}

    # For schemes and evaluation.

    @property
    def enhancer(self) -> Enhancer:
        """The front-end, as the engine runs it."""
        return cast(Enhancer, self.parts[FRONT_END])

    @property
    def front_end(self) -> FrontEnd:
        """The front-end itself."""
        return self.enhancer.front_end

    def model(self, label: str) -> TaskModel:
        """The task model of this label."""
        return cast(TaskModel, self.parts[label])

    def enhance(self, batch: Batch, wet: float = 1.0, **controls: float) -> Enhanced:
        """The front-end's output for a batch; see `Enhancer.forward`."""
        return cast(Enhanced, self.enhancer(batch.heard, wet, **controls))

    def enhance_fixed(self, batch: Batch) -> Enhanced:
        """The output of the front-end as it is: in evaluation mode, without a gradient."""
        with self.training_mode(), torch.no_grad():
            return self.enhance(batch)

    def front_end_loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The front-end's own loss, (batch,)."""
        return self.enhancer.loss(enhanced, batch)

    def task_loss(self, label: str, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The loss of a task model on enhanced audio, (batch,)."""
        return self.model(label).loss(self.task_output(label, enhanced, batch), batch)

    def task_input(self, label: str, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The audio that a task model gets: enhanced, then prescribed if the task has a prescription."""
        if label not in self.prescriptions:
            return enhanced.audio
        prescription = cast(FrontEnd, self.prescriptions[label])
        return by_ear(prescription, batch.heard._replace(audio=enhanced.audio)).audio

    def task_output(self, label: str, enhanced: Enhanced, batch: Batch) -> Any:
        """The output of a task model for enhanced audio."""
        return self.model(label)(self.task_input(label, enhanced, batch), batch.heard.lengths, enhanced.shared)

    @contextmanager
    def training_mode(self, *parts: str) -> Iterator[None]:
        """These parts in training mode, everything else in evaluation mode."""
        self.eval()
        for part in parts:
            self.parts[part].train()
        try:
            yield
        finally:
            self.eval()

    def part(self, name: str) -> nn.Module:
        """A part by its name."""
        return self.parts[name]

    @property
    def moved(self) -> list[str]:
        """The names of the parts that the scheme moves, if there is anything in them to train."""
        return [name for name in self.parts if self._moves(name)]

    def _moves(self, name: str) -> bool:
        wanted = MODEL if name in self.tasks else name
        moves = self.scheme is not None and wanted in self.scheme.moves
        return moves and any(p.requires_grad for p in self.parts[name].parameters())

    # For Lightning.

    def configure_optimizers(self) -> tuple[list[Any], list[Any]]:
        """AdamW and a one-cycle schedule for each part that the scheme moves."""
        phase = self.phase
        optimizers: list[Any] = []
        schedules: list[Any] = []
        self._order = self.moved
        for name in self._order:
            rate = (phase.front_end_lr or phase.lr) if name == FRONT_END else phase.lr
            optimizer = torch.optim.AdamW(
                [p for p in self.part(name).parameters() if p.requires_grad], lr=rate, weight_decay=phase.weight_decay
            )
            optimizers.append(optimizer)
            schedules.append(
                torch.optim.lr_scheduler.OneCycleLR(
                    optimizer, rate, total_steps=phase.epoch * phase.validations + 1, pct_start=0.15
                )
            )
        return optimizers, schedules

    def training_step(self, batches: Mapping[str, Batch], step: int) -> None:
        """The scheme's updates for one batch of every task."""
        assert self.scheme is not None
        # Dropout and the like are seeded in each step, so that a resumed training equals an uninterrupted one.
        torch.manual_seed(self.seed * 10_000_000 + self.current_epoch * self.phase.epoch + step)
        self.eval()
        for batch in batches.values():
            self.counts["audio_seconds"] += float(batch.heard.lengths.sum()) / SAMPLE_RATE
        for update in self.scheme.updates(self, batches, step):
            self._optimise(update)

    def _optimise(self, update: Update) -> None:
        chosen = [index for index, name in enumerate(self._order) if name in update.moves]
        if not chosen:
            return  # a signal task has nothing to move
        if not torch.isfinite(update.loss):
            raise EarmarkError(
                f"{self.enhancer.name}: the training loss is not finite; look for NaN in the front-end's output, or "
                "lower train.*.lr in the recipe"
            )
        if not update.loss.requires_grad:
            raise EarmarkError(
                f"{self.enhancer.name}: no gradient reaches its parameters; its output must not be detached, nor made "
                "under torch.no_grad"
            )
        optimizers, schedules = _listed(self.optimizers(use_pl_optimizer=True)), _listed(self.lr_schedulers())
        parameters = {
            index: [p for group in optimizers[index].param_groups for p in group["params"]] for index in chosen
        }
        for index in chosen:
            optimizers[index].zero_grad()
        self._backward(update, [p for part in parameters.values() for p in part])
        for index in chosen:
            # Each part is clipped by itself, so that no scheme clips harder than another.
            nn.utils.clip_grad_norm_(parameters[index], self.phase.clip)
            optimizers[index].step()
            schedules[index].step()
            self.counts["front_end" if self._order[index] == FRONT_END else "task"] += 1
        self.log_dict({f"loss/{'+'.join(sorted(update.moves))}": update.loss.detach()}, prog_bar=False)

    def _backward(self, update: Update, parameters: list[nn.Parameter]) -> None:
        """Accumulate the gradients of the sum of the terms.

        Where terms of several tasks move the front-end, log the cosine between each two of their gradients on it.
        """
        if FRONT_END not in update.moves or len(update.terms.keys() - {FRONT_END}) < 2:
            return self.manual_backward(update.loss, inputs=parameters)
        shared = [p for p in self.front_end.parameters() if p.requires_grad]
        gradients, before = {}, torch.zeros(sum(p.numel() for p in shared), device=self.device)
        for label, term in update.terms.items():
            self.manual_backward(term, inputs=parameters, retain_graph=True)  # terms may share one graph
            after = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in shared])
            gradients[label], before = after - before, after
        for one, other in combinations(gradients, 2):
            self.log(f"cosine/{one}~{other}", nn.functional.cosine_similarity(gradients[one], gradients[other], dim=0))

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        """Collect what the validation score is computed from."""
        self.eval()
        if not self.tasks:
            assert self.scheme is not None
            self._seen.setdefault(FRONT_END, []).append(self.scheme.validation(self, batch))
            return
        label = list(self.tasks)[dataloader_idx]
        enhanced = self.enhance(batch)
        task = self.tasks[label]
        predictions = self.model(label).predict(self.task_output(label, enhanced, batch), batch)
        references = [task.reference(row) for row in batch.rows]
        self._seen.setdefault(label, []).append(task.score(pd.DataFrame(predictions), pd.DataFrame(references)))

    def on_validation_epoch_end(self) -> None:
        """Log the validation score; higher is better.

        It is the mean over tasks of the primary metric, scaled to 0 at its floor and 1 at its best. Without a task it
        is the negative mean of `Scheme.validation`.
        """
        if FRONT_END in self._seen:
            score = -float(torch.cat(self._seen[FRONT_END]).mean())
        else:
            scores = [self._primary(label, pd.concat(frames)) for label, frames in self._seen.items()]
            score = sum(scores) / max(len(scores), 1)
        self._seen = {}
        self.log("validation_score", score)

    def _primary(self, label: str, columns: pd.DataFrame) -> float:
        task = self.tasks[label]
        name = primary(task)
        figure = task.figures[name]
        value = float(task.summarise({key: columns[key].to_numpy(float).sum(0) for key in columns})[name])
        return (value - figure.floor) / (figure.best - figure.floor)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _task_of(model: TaskModel) -> Task:
    task = model if isinstance(model, SignalTask) else model.task
    assert task is not None
    return task
