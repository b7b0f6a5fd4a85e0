"""CSV and TSV files for Table: every cell is text, and what would be misread is an error."""

import csv
from pathlib import Path
from typing import Any, Literal


def reading(path: Path) -> dict[str, Any]:
    """The options with which `datasets` reads a CSV or TSV file as it is: 007, null and None stay what they are.

    A quotation mark that opens and never closes is part of the text in a TSV file, as people write them; in a CSV file,
    where the comma may be part of a cell, it is an error.

    Raises ValueError where the file is not UTF-8, its rows differ in length, a column's name occurs twice, or a
    quotation mark swallows rows.
    """
    from datasets import Features, Value  # here, since importing it takes over a second

    tabs = path.suffix.lower() == ".tsv"
    separator = "\t" if tabs else ","
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
    try:
        rows = _rows(path, separator, quoting)
    except ValueError:
        if not tabs:
            raise
        quoting = csv.QUOTE_NONE
        rows = _rows(path, separator, quoting)
    names = [name or f"Unnamed: {place}" for place, name in enumerate(rows[0])]  # as pandas calls them
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise ValueError(f"the column '{twice[0]}' is there twice")
    features = Features({name: Value("string") for name in names})
    return {"sep": separator, "quoting": quoting, "keep_default_na": False, "features": features}


def _rows(path: Path, separator: str, quoting: Literal[0, 3]) -> list[list[str]]:
    rows: list[list[str]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, quoting=quoting, strict=True)
        try:
            for row in filter(None, reader):
                rows.append(row)
                wanted = len(rows[0])
                if len(row) != wanted:
                    raise ValueError(f"line {reader.line_num} has {len(row)} cells, and the first line {wanted}")
                if any(_swallowed(cell, separator, wanted) for cell in row):
                    raise ValueError(
                        f"a cell that ends in line {reader.line_num} holds other lines; close its quotation mark"
                    )
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num}: {error}; close its quotation mark, or double it") from None
    if not rows:
        raise ValueError("it is empty")
    return rows


def _swallowed(cell: str, separator: str, columns: int) -> bool:
    """Whether a cell holds what looks like other rows."""
    return any(line.count(separator) >= columns - 1 > 0 for line in cell.splitlines()[1:])
