"""Train a system with Lightning: checkpoints, best weights, early stopping, logs."""

import csv
import logging
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from benchmark.contracts import Batch, Enhanced
from benchmark.data import SceneData
from benchmark.errors import EarmarkError
from benchmark.settings import Trainer
from benchmark.training.system import System

LAST = "last.ckpt"
Progress = Callable[[int, int], None]  # steps done, steps in total


class _Report(Callback):
    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        phase = cast(System, pl_module).phase
        self.progress(trainer.current_epoch * phase.epoch + batch_idx + 1, phase.epoch * phase.validations)


class _Resume(Callback):
    """Writes a checkpoint after every epoch, whole or not at all, with the updates and audio spent so far.

    It continues the log as well, where a new logger would begin another.
    """

    def __init__(self, folder: Path) -> None:
        self.path, log = folder / LAST, folder / "metrics.csv"
        rows = csv.DictReader(log.read_text(encoding="utf-8", errors="replace").splitlines()) if log.is_file() else []
        # A crash may leave incomplete lines.
        self.logged = [row for row in rows if None not in row and (row.get("epoch") or "").isdigit()]

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        partial = self.path.with_suffix(".part")
        trainer.save_checkpoint(partial)
        partial.replace(self.path)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["counts"] = dict(cast(System, pl_module).counts)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        cast(System, pl_module).counts.update(checkpoint["counts"])
        if isinstance(trainer.logger, CSVLogger):
            trainer.logger.experiment.metrics[:] = [
                row for row in self.logged if int(row["epoch"]) <= checkpoint["epoch"]
            ]
            trainer.logger.experiment.save()


class _Stop(EarlyStopping):
    """Early stopping, which also holds when a training is resumed after its last epoch."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def fit(system: System, data: SceneData, options: Trainer, folder: Path, progress: Progress) -> dict[str, Any]:
    """Train `system` in place; it ends with the weights of the best validation.

    Checkpoints are written to `folder`. If it holds one of an interrupted training, training resumes from there.

    Returns:
        best_score, scores (one for each validation), front_end and task (numbers of updates), and audio_seconds
    Raises:
        EarmarkError: the loss or the validation score is not finite, or no gradient reaches the front-end
    """
    quieten()
    phase = system.phase
    # Both act right after a validation, so the checkpoint at the end of the epoch includes it.
    best = ModelCheckpoint(
        folder,
        "best",
        monitor="validation_score",
        mode="max",
        save_top_k=1,
        enable_version_counter=False,
        save_on_train_epoch_end=False,
    )
    callbacks: list[Callback] = [best, _Report(progress), _Resume(folder)]
    if phase.patience is not None:
        callbacks.append(_Stop("validation_score", mode="max", patience=phase.patience, check_on_train_epoch_end=False))
    history = _History()
    trainer = L.Trainer(
        **options.model_dump(),
        max_epochs=phase.validations,
        callbacks=[*callbacks, history],
        logger=CSVLogger(folder, name="", version="", flush_logs_every_n_steps=phase.epoch),
        log_every_n_steps=max(phase.epoch // 10, 1),
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        inference_mode=True,
    )
    trainer.fit(
        system, datamodule=data, ckpt_path=folder / LAST if (folder / LAST).is_file() else None, weights_only=True
    )
    if options.fast_dev_run:
        return {"best_score": None, "scores": [], **system.counts}
    if not best.best_model_path:
        raise EarmarkError(
            f"{folder}: the validation score was never finite; look for NaN in the front-end's output, or lower "
            "train.*.lr in the recipe"
        )
    state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"]
    system.load_state_dict(state)
    system.eval()
    return {"best_score": float(best.best_model_score or 0.0), "scores": history.scores, **system.counts}


class _History(Callback):
    """The validation scores so far."""

    def __init__(self) -> None:
        self.scores: list[float] = []

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.scores.append(float(trainer.callback_metrics["validation_score"]))

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.scores = list(state_dict["scores"])


def fit_gain(system: System, batches: Iterable[Batch]) -> float:
    """Fit the fixed gain of a front-end whose loss ignores scale, and return it; 1.0 for any other.

    The gain is <clean, clean> / <clean, output> over the validation scenes, so that the target keeps its level. Whether
    the loss ignores scale is measured: doubling the output must not change it. The estimate is ours: unlike a least
    squares fit of the output to the clean signal, it does not shrink with the residual noise.
    """
    target, matched = 0.0, 0.0
    with torch.no_grad():
        for batch in batches:
            enhanced = system.enhance(batch)
            doubled = Enhanced(
                2 * enhanced.audio,
                enhanced.shared,
                {name: 2 * tensor for name, tensor in enhanced.intermediates.items()},
            )
            losses, other = system.front_end_loss(enhanced, batch), system.front_end_loss(doubled, batch)
            if batch.clean is None or not torch.allclose(losses, other, rtol=1e-3, atol=1e-3):
                return 1.0
            target += float(batch.clean.square().sum())
            matched += float((batch.clean * enhanced.intermediates.get("trained", enhanced.audio)).sum())
    if matched > 0:
        system.enhancer.gain.fill_(target / matched)
    return float(system.enhancer.gain)


def quieten() -> None:
    """Silence Lightning's advice, which is for those who call the Trainer."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*(num_workers|treespec|isinstance).*")
