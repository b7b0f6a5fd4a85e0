"""Recipe files: find one, read it, and merge it with its base. What the keys mean is in recipe.py."""

import math
import os
from pathlib import Path
from textwrap import shorten
from typing import Any

from benchmark import plain_yaml
from benchmark.errors import EarmarkError, unknown

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
KEYS = ("base", "seeds", "front_ends", "tasks", "schemes", "together", "train", "score", "trainer")


def find(name: str | Path) -> Path:
    """The file of a recipe, given by its path or name. Raises EarmarkError where there is none."""
    given = Path(name)
    if given.suffix in (".yaml", ".yml"):
        if os.path.isfile(given):
            return given
        raise EarmarkError(f"no recipe {given}; known: {', '.join(sorted(known()))}")
    if str(name) in known():
        return known()[str(name)]
    raise unknown("recipe", str(name), known())


def known() -> dict[str, Path]:
    """The recipes that come with the suite, by name."""
    return {path.relative_to(RECIPES).with_suffix("").as_posix(): path for path in sorted(RECIPES.rglob("*.yaml"))}


def title(path: Path) -> str:
    """The first comment of a recipe."""
    return next(
        (
            line.lstrip("# ").strip()
            for line in path.read_text(encoding="utf-8-sig").splitlines()
            if line.startswith("#")
        ),
        "",
    )


def merged(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A recipe merged with its base; `above` are the recipes that build on this one."""
    raw = _read(path)
    if "base" not in raw:
        return raw
    name = str(raw.pop("base"))
    base_path = next((folder / name for folder in (path.parent, RECIPES) if os.path.isfile(folder / name)), None)
    if base_path is None:
        raise EarmarkError(
            f"{path.name}: base: {name[:200]} is neither beside it nor a recipe of the suite; known: "
            f"{', '.join(sorted(known()))}"
        )
    above = (*above, path.resolve())
    if base_path.resolve() in above:
        raise EarmarkError(
            f"{path.name}: base: {name} is itself based on this recipe; let one of them go without a base"
        )
    base = merged(base_path, above)
    for key in ("train", "score"):  # what this file sets for all tasks overrides what its base sets for one
        for entry in filter(None, (base.get("tasks") or {}).values()):
            if isinstance(entry, dict) and isinstance(entry.get(key), dict):
                entry[key] = _without(entry[key], raw.get(key, {}))
    for key, value in raw.items():
        if key in ("front_ends", "tasks", "schemes") and isinstance(value, dict):
            own = base.get(key) or {}
            base[key] = {
                label: overlaid(own.get(label), entry) if entry is not None else own.get(label)
                for label, entry in value.items()
            }
        else:
            base[key] = overlaid(base.get(key), value)
    return base


def overlaid(base: Any, value: Any) -> Any:
    """Mappings are merged key by key; any other value replaces the base's."""
    if isinstance(base, dict) and isinstance(value, dict):
        return base | {key: overlaid(base.get(key), entry) for key, entry in value.items()}
    return value


def _without(value: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A mapping without the entries that another one has, compared value by value at any depth."""
    kept = {}
    for key, entry in value.items():
        if isinstance(entry, dict) and isinstance(said.get(key), dict):
            kept[key] = _without(entry, said[key])
        elif key not in said:
            kept[key] = entry
    return kept


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = plain_yaml.load(path)
        if not isinstance(raw, dict):
            raise EarmarkError(f"{path}: not a recipe; write a mapping with the keys {', '.join(KEYS)}")
        for key, value in raw.items():
            if key not in KEYS:
                raise EarmarkError(f"{path.name}: {unknown('key', key, KEYS)}")
            if key not in ("base", "seeds") and not isinstance(value, dict | None):
                raise EarmarkError(
                    f"{path.name}: {key}: {value!r} is not a mapping; write one, see docs/reference/recipe_keys.md"
                )
        return {
            key: _plain(f"{path.name}: {key}", value, path.parent) for key, value in raw.items() if value is not None
        }
    except (OSError, ValueError) as error:
        raise EarmarkError(
            f"{path}: not YAML: {shorten(str(error), 240)}; write YAML in UTF-8, every key once"
        ) from error


def _plain(where: str, value: Any, folder: Path) -> Any:
    """Check that a value is what JSON can hold, and give user's files beside the recipe their full path."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or not key.isprintable():
                raise EarmarkError(
                    f"{where}: {key!r} is not a name; write printable characters, and put numbers and dates in quotes"
                )
        return {_placed(key, folder): _plain(f"{where}.{key}", entry, folder) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(f"{where}.{index}", entry, folder) for index, entry in enumerate(value)]
    if isinstance(value, str) and "\0" not in value:  # which no file's name can hold
        return _placed(value, folder)
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise EarmarkError(f"{where}: {value!r} is not a plain value; write a finite number, or put a word in quotes")


def _placed(text: str, folder: Path) -> str:
    file, mark, name = text.rpartition(".py:")
    beside = folder / f"{file}.py"
    return f"{beside.resolve()}:{name}" if mark and os.path.isfile(beside) else text
