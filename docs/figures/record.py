"""What a figure script leaves behind: rows (quantity, paper, ours, verdict), a picture, the numbers behind it.

A script has a TITLE, a ROOM and ``reproduce(record, *, full)``. Which values must hold is not the script's business:
it stands in expected.json, as a range with its reason for each row that is bound to hold.
"""

import csv
import json
from pathlib import Path
from typing import NamedTuple

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text())


class Row(NamedTuple):
    """One number of a paper, or of another library, beside ours."""

    quantity: str
    paper: str
    ours: float
    verdict: str  # "holds", "missed", or "" where nothing is bound to hold


class Record:
    """Collects the outcome of one script."""

    output = Path(__file__).parent / "output"

    def __init__(self, name, title, room):
        self.name, self.title, self.room, self.rows = name, title, room, []
        self.expected = EXPECTED.get(name, {})
        self.output.mkdir(exist_ok=True)

    def row(self, quantity, ours, paper=None):
        """Add a row; `paper` is the number of the paper (or of a peer that the quantity names), None without one."""
        verdict = ""
        if quantity in self.expected:
            low, high = self.expected[quantity]["range"]
            verdict = "holds" if low <= ours <= high else "missed"
        self.rows.append(Row(quantity, "-" if paper is None else f"{paper:.4g}", float(ours), verdict))

    def picture(self, figure):
        """Save a matplotlib figure."""
        figure.savefig(self.output / f"{self.name}.png", dpi=110, bbox_inches="tight")

    def numbers(self, header, rows):
        """Save the numbers behind the picture."""
        with (self.output / f"{self.name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def progress(self, done, total):
        """Tell on one line how far the script is."""
        print(f"\r      {100 * done // total:3d} %", end="" if done < total else "\r", flush=True)

    def close(self):
        """A row that was promised and never came is missed."""
        came = {row.quantity for row in self.rows}
        self.rows += [Row(quantity, "-", float("nan"), "missed") for quantity in self.expected if quantity not in came]


def table(records):
    """All rows as plain text."""
    cells = [("figure", "quantity", "paper or peer", "ours", "verdict")]
    for record in records:
        cells += [(record.name, row.quantity, row.paper, f"{row.ours:.4g}", row.verdict) for row in record.rows]
    widths = [max(len(cell[i]) for cell in cells) for i in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown(records):
    """All rows with their pictures, for the page on papers."""
    parts = []
    for record in records:
        parts += [f"## {record.title}", "", f"![{record.title}](figures/output/{record.name}.png)", ""]
        parts += ["| quantity | paper or peer | ours | verdict |", "|---|---|---|---|"]
        parts += [f"| {row.quantity} | {row.paper} | {row.ours:.4g} | {row.verdict} |" for row in record.rows] + [""]
    return "\n".join(parts)
