"""Validated settings of a recipe, with all their defaults: training, scoring, and flags of the trainer."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from benchmark.errors import unknown


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("write [lowest, highest]")
    return span


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("write each value once")
    return values


def _snr(value: float | str) -> float | str:
    if isinstance(value, str) and value != "clean":
        raise ValueError(f"'{value}' is neither a number of dB nor 'clean'")
    return value


T = TypeVar("T")
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Level = Annotated[float, Field(ge=0, le=120)]  # dB SPL
Set = Annotated[tuple[T, ...], Field(min_length=1), AfterValidator(_distinct)]


class Strict(BaseModel):
    """Base of all settings: validated and frozen; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class Phase(Strict):
    """Settings of one training."""

    steps: Positive = 600
    batch: Positive = 16
    lr: Rate = 1e-3  # learning rate of task models, and of a front-end that is trained alone
    front_end_lr: Rate | None = None  # of a front-end that is trained together with a task model; None: lr
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Rate = 5.0  # largest norm of the gradient
    validations: Positive = 4  # how many in a training; the weights of the best are kept
    patience: Positive | None = None  # validations without a better score before stopping early; None: never
    segment: Annotated[float, Field(ge=0.1)] | None = (
        None  # seconds to which training scenes are cut; None: whole scenes
    )
    workers: Annotated[int, Field(ge=0)] = 0  # processes that mix scenes, which come out the same for any number

    @property
    def epoch(self) -> int:
        """Steps between two validations."""
        return -(-self.steps // self.validations)


class Mixing(Strict):
    """How training and validation scenes are mixed."""

    snr: Annotated[tuple[float, float], AfterValidator(_ordered)] = (-5, 20)  # dB, drawn uniformly
    level: Annotated[tuple[Level, Level], AfterValidator(_ordered)] = (55, 75)  # dB SPL of the target, drawn uniformly
    validation_scenes: Positive = 64


class Train(Mixing):
    """How everything is trained.

    First front-ends are pre-trained, and stock task models trained on clean audio; from these, pairs are adapted.
    """

    pretrain: Phase = Phase()
    stock: Phase = Phase()
    adapt: Phase = Phase()


class ScoredScenes(Strict):
    """How test scenes are mixed."""

    snr: Set[Annotated[float | str, AfterValidator(_snr)]] = ("clean", 20, 15, 10, 5, 0, -5)
    scenes: Positive = 60
    level: Level = 65.0  # dB SPL of the target, P.56 active level for speech
    seed: Annotated[int, Field(ge=0)] | None = (
        None  # of the test scenes; None: that of the public ones, which anyone can mix
    )


class Score(ScoredScenes):
    """Test scenes and the listeners for whom they are scored."""

    # for tasks that need a listener: profiles, or ears as path/to/listeners.json:L0001:left
    listeners: Set[str] = ("N3", "N4", "S3")


class Trainer(Strict):
    """Flags that are passed on to lightning.Trainer."""

    accelerator: Literal["cpu", "gpu", "cuda", "mps", "auto"] = "cpu"
    devices: Literal[1] = 1
    precision: Literal[
        16, 32, 64, "16", "32", "64", "bf16", "16-true", "32-true", "64-true", "bf16-true", "16-mixed", "bf16-mixed"
    ] = "32-true"
    strategy: str = "auto"
    fast_dev_run: bool = False

    @field_validator("devices", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if value is True or value != 1:
            raise ValueError(
                "write 1, since several devices would all draw the same scenes; run cells at the same time with --jobs"
            )
        return value

    @field_validator("strategy")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "auto":
            from lightning.pytorch.strategies import StrategyRegistry  # here, since importing it takes seconds

            if value not in StrategyRegistry:
                raise ValueError(str(unknown("strategy", value, ["auto", *StrategyRegistry])))
        return value
