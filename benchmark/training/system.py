"""A front-end joined to its tasks, trained by a scheme: the one LightningModule."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from typing import Any, cast

import lightning as L
import pandas as pd
import torch
from torch import Tensor, nn
from torchaudio.functional import resample

from benchmark.contracts import FRONT_END, SAMPLE_RATE, Batch, Enhanced, FrontEnd, Heard, Scheme, Task, Update, primary
from benchmark.errors import EarmarkError
from benchmark.frontends import build_front_end
from benchmark.frontends._ears import by_ear
from benchmark.settings import Phase


class System(L.LightningModule):
    """Front-end, tasks by label, and the scheme that trains them; without a scheme it only evaluates.

    A step runs the scheme's updates one after the other. Each moves the parameters that it names and no others:
    gradients are accumulated into those alone, and only the modules in training mode change their buffers.
    """

    gain: Tensor

    def __init__(
        self,
        front_end: FrontEnd,
        tasks: Mapping[str, Task],
        scheme: Scheme | None = None,
        phase: Phase | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.front_end: FrontEnd = front_end
        self.tasks = nn.ModuleDict(tasks)
        self.prescriptions = nn.ModuleDict(
            {
                label: build_front_end(task.prescription)
                for label, task in tasks.items()
                if task.prescription is not None
            }
        )
        self.scheme = scheme
        self.phase = phase or Phase()
        self.seed = seed
        self.register_buffer("gain", torch.ones(()))  # for front-ends whose loss ignores scale; fitted on validation
        self.counts = {"front_end": 0, "task": 0, "audio_seconds": 0.0}
        self._seen: dict[str, list[Any]] = {}

    # What schemes and the evaluation are made of.

    def enhance(self, batch: Batch, wet: float = 1.0, **controls: float) -> Enhanced:
        """What the front-end makes of a batch, at the engine's rate and with silence behind each length; `wet`: its
        share, the rest is the input as it was.

        Raises EarmarkError where the output has another shape than the input, or is not real.
        """
        heard, front_end = batch.heard, self.front_end
        channels = heard.audio.shape[1]
        fold = front_end.channels == 1 and channels > 1
        audio = heard.audio
        if front_end.sample_rate != SAMPLE_RATE:
            audio = resample(audio, SAMPLE_RATE, front_end.sample_rate)
        lengths = (
            heard.lengths
            if front_end.sample_rate == SAMPLE_RATE
            else heard.lengths * front_end.sample_rate // SAMPLE_RATE
        )
        inner = Heard(audio.clone(), lengths, heard.listener, heard.names)  # a front-end may work in place
        if fold:
            listener = None if heard.listener is None else heard.listener.reshape(-1, 1, heard.listener.shape[-1])
            inner = Heard(
                inner.audio.reshape(-1, 1, audio.shape[-1]), lengths.repeat_interleave(channels), listener, heard.names
            )
        enhanced = front_end.process(inner, **controls)
        if (
            not isinstance(enhanced, Enhanced)
            or enhanced.audio.shape != inner.audio.shape
            or not enhanced.audio.is_floating_point()
        ):
            got = (
                f"{tuple(enhanced.audio.shape)}, {enhanced.audio.dtype}"
                if isinstance(enhanced, Enhanced)
                else type(enhanced).__name__
            )
            raise EarmarkError(
                f"{self._name}: the output must be floats of the input's shape {tuple(inner.audio.shape)}; it is {got}"
            )
        audio = (enhanced.audio.reshape(len(heard.audio), channels, -1) if fold else enhanced.audio).to(
            heard.audio.dtype
        )
        if front_end.sample_rate != SAMPLE_RATE:
            audio = _fitted(resample(audio, front_end.sample_rate, SAMPLE_RATE), heard.audio.shape[-1])
        valid = torch.arange(audio.shape[-1], device=audio.device) < heard.lengths[:, None, None]
        audio = audio * self.gain * valid
        return enhanced._replace(audio=audio if wet == 1.0 else wet * audio + (1 - wet) * heard.audio)

    def enhance_fixed(self, batch: Batch) -> Enhanced:
        """The same with the front-end as it stands: in evaluation mode, without gradient."""
        with self.training_mode(), torch.no_grad():
            return self.enhance(batch)

    def front_end_loss(self, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The front-end's own loss, per example."""
        return self.front_end.loss(enhanced, batch)

    def task_loss(self, label: str, enhanced: Enhanced, batch: Batch) -> Tensor:
        """A task's loss on enhanced audio, per example."""
        return cast(Task, self.tasks[label]).loss(self.task_output(label, enhanced, batch), batch)

    def task_input(self, label: str, enhanced: Enhanced, batch: Batch) -> Tensor:
        """The audio that a task gets: behind its prescription, where it has one and the front-end does not know the
        listener.
        """
        if label not in self.prescriptions or "listener" in self.front_end.needs:
            return enhanced.audio
        return by_ear(cast(FrontEnd, self.prescriptions[label]), batch.heard._replace(audio=enhanced.audio), {}).audio

    def task_output(self, label: str, enhanced: Enhanced, batch: Batch) -> Any:
        """What a task's model makes of enhanced audio."""
        return self.tasks[label](self.task_input(label, enhanced, batch), batch.heard.lengths, enhanced.shared)

    @contextmanager
    def training_mode(self, *parts: str) -> Iterator[None]:
        """These parts (FRONT_END or labels of tasks) in training mode, everything else in evaluation mode."""
        self.eval()
        for part in parts:
            self.part(part).train()
        try:
            yield
        finally:
            self.eval()

    @property
    def _name(self) -> str:
        """The front-end's class, a user's own behind its adapter."""
        return type(getattr(self.front_end, "module", self.front_end)).__name__

    def part(self, name: str) -> nn.Module:
        """A module by the name that updates use."""
        return self.front_end if name == FRONT_END else self.tasks[name]

    # What Lightning calls.

    def configure_optimizers(self) -> tuple[list[Any], list[Any]]:
        """AdamW and a one-cycle schedule for each part that the scheme moves."""
        phase = self.phase
        optimizers: list[Any] = []
        schedules: list[Any] = []
        self._moved = [name for name in (FRONT_END, *self.tasks) if self._moves(name)]
        for name in self._moved:
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

    def _moves(self, name: str) -> bool:
        wanted = "front_end" if name == FRONT_END else "tasks"
        return (
            self.scheme is not None
            and wanted in self.scheme.moves
            and any(p.requires_grad for p in self.part(name).parameters())
        )

    def training_step(self, batches: Mapping[str, Batch], step: int) -> None:
        """The scheme's updates for one batch of every task."""
        assert self.scheme is not None
        # Dropout and the like are seeded by step, so that a resumed training repeats what an unbroken one does.
        torch.manual_seed(self.seed * 10_000_000 + self.current_epoch * self.phase.epoch + step)
        self.eval()
        for batch in batches.values():
            self.counts["audio_seconds"] += float(batch.heard.lengths.sum()) / SAMPLE_RATE
        for update in self.scheme.updates(self, batches, step):
            self._make(update)

    def _make(self, update: Update) -> None:
        chosen = [index for index, name in enumerate(self._moved) if name in update.moves]
        if not chosen:
            return  # a signal task has nothing to move
        if not torch.isfinite(update.loss):
            raise EarmarkError(
                f"{self._name}: the training loss is not finite; look for NaN in the front-end's output, or lower "
                "train.*.lr in the recipe"
            )
        if not update.loss.requires_grad:
            raise EarmarkError(
                f"{self._name}: no gradient reaches its parameters; its output must not be detached, nor made under "
                "torch.no_grad"
            )
        optimizers, schedules = _listed(self.optimizers(use_pl_optimizer=True)), _listed(self.lr_schedulers())
        parameters = {
            index: [p for group in optimizers[index].param_groups for p in group["params"]] for index in chosen
        }
        for index in chosen:
            optimizers[index].zero_grad()
        self._backward(update, [p for part in parameters.values() for p in part])
        for index in chosen:
            # each part by itself, so that no scheme clips harder than another
            nn.utils.clip_grad_norm_(parameters[index], self.phase.clip)
            optimizers[index].step()
            schedules[index].step()
            self.counts["front_end" if self._moved[index] == FRONT_END else "task"] += 1
        self.log_dict({f"loss/{'+'.join(sorted(update.moves))}": update.loss.detach()}, prog_bar=False)

    def _backward(self, update: Update, parameters: list[nn.Parameter]) -> None:
        """Gradients of the sum of the terms; where those of several tasks move the front-end, the cosines between all
        of theirs on it are logged.
        """
        if FRONT_END not in update.moves or len(update.terms.keys() - {FRONT_END}) < 2:
            return self.manual_backward(update.loss, inputs=parameters)
        shared = [p for p in self.front_end.parameters() if p.requires_grad]
        gradients, before = {}, torch.zeros(sum(p.numel() for p in shared), device=self.device)
        for label, term in update.terms.items():
            self.manual_backward(term, inputs=parameters, retain_graph=True)  # terms may stand on one graph
            after = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in shared])
            gradients[label], before = after - before, after
        for one, other in combinations(gradients, 2):
            self.log(f"cosine/{one}~{other}", nn.functional.cosine_similarity(gradients[one], gradients[other], dim=0))

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        """Collect what the validation score is made of."""
        self.eval()
        enhanced = self.enhance(batch)
        if not self.tasks:
            self._seen.setdefault(FRONT_END, []).append(self.front_end_loss(enhanced, batch))
            return
        label = list(self.tasks)[dataloader_idx]
        task = cast(Task, self.tasks[label])
        predictions = task.predict(self.task_output(label, enhanced, batch), batch)
        references = [task.reference(row) for row in batch.rows]
        self._seen.setdefault(label, []).append(task.score(pd.DataFrame(predictions), pd.DataFrame(references)))

    def on_validation_epoch_end(self) -> None:
        """One score, more is better: the mean over tasks of the primary metric, 0 at its floor and 1 at its best; a
        front-end alone: its negative loss.
        """
        if FRONT_END in self._seen:
            score = -float(torch.cat(self._seen[FRONT_END]).mean())
        else:
            score = sum(self._primary(label, pd.concat(frames)) for label, frames in self._seen.items()) / max(
                len(self._seen), 1
            )
        self._seen = {}
        self.log("validation_score", score)

    def _primary(self, label: str, columns: pd.DataFrame) -> float:
        task = cast(Task, self.tasks[label])
        name = primary(task)
        figure = task.figures[name]
        value = float(task.summarise({key: columns[key].to_numpy(float).sum(0) for key in columns})[name])
        return (value - figure.floor) / (figure.best - figure.floor)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fitted(audio: Tensor, length: int) -> Tensor:
    return nn.functional.pad(audio, (0, max(length - audio.shape[-1], 0)))[..., :length]
