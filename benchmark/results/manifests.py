"""The manifests of finished cells, with all fields that a run writes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.errors import EarmarkError
from benchmark.store import MANIFEST, Store


class Manifest(BaseModel):
    """What every cell says of itself."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    label: str
    work: dict[str, Any]  # as `planning.cells.to_json` writes it
    code: dict[str, str]
    seconds: float = Field(ge=0)
    peak_memory_mb: float = Field(ge=0)


class Report(BaseModel):
    """What a training reports: updates, and how much audio it heard."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    front_end: float
    task: float
    audio_seconds: float


class Nothing(BaseModel):
    """Where no front-end stands behind a record: the clean signal."""

    model_config = ConfigDict(extra="forbid")


class OfTraining(Manifest):
    """Of weights."""

    report: Report


class OfMeasuring(Manifest):
    """Of costs."""

    costs: dict[str, float | list[str] | None]


class RecordFiles(BaseModel):
    """The files of a record, with their hashes."""

    predictions: str = Field(alias="predictions.jsonl")


class OfScoring(Manifest):
    """Of a record: it also keeps what its enhanced audio was made by."""

    enhanced: Manifest | Nothing
    files: RecordFiles


SHAPES: dict[str, type[Manifest]] = {
    "weights": OfTraining,
    "enhanced": Manifest,
    "records": OfScoring,
    "costs": OfMeasuring,
}


def read_manifest(store: Store, shelf: str, key: str) -> dict[str, Any]:
    """The manifest of a finished cell; EarmarkError where it is damaged, another cell's, or lacks a field."""
    manifest = store.manifest(shelf, key)
    try:
        SHAPES[shelf].model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        folder = store.root / shelf / key
        raise EarmarkError(
            f"{folder / MANIFEST}: {where}: {first['msg']}; delete {folder} and run again, which makes it anew"
        ) from error
    return manifest
