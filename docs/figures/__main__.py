"""Run figure scripts, print one table, fail when a number that must hold is missed."""

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

from docs.figures.record import Record, markdown, table

HERE = Path(__file__).parent
SCRIPTS = sorted(path.stem for path in HERE.glob("*_*.py") if not path.stem.startswith("_"))


def main():
    parser = argparse.ArgumentParser(prog="python -m docs.figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"scripts to run (default: all): {', '.join(SCRIPTS)}")
    parser.add_argument("--full", action="store_true", help="the sizes of the papers: minutes to hours")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(SCRIPTS))
    if unknown:
        parser.error(f"no script called {', '.join(unknown)}; there are {', '.join(SCRIPTS)}")
    records = []
    names = arguments.names or SCRIPTS
    for i, name in enumerate(names, 1):
        script = import_module(f"docs.figures.{name}")
        print(f"[{i}/{len(names)}] {name}: {script.TITLE}", flush=True)
        start = time.perf_counter()
        record = Record(name, script.TITLE, script.ROOM)
        try:
            script.reproduce(record, full=arguments.full)
        except OSError as error:  # data that could not be fetched: what had to hold is missed, the others go on
            print(f"\n      stopped: {error}", flush=True)
        record.close()
        records.append(record)
        print(f"      {time.perf_counter() - start:.0f} s", flush=True)
    print("\n" + table(records))
    if not arguments.names:
        (Record.output / "table.md").write_text(markdown(records))
    missed = sum(row.verdict == "missed" for record in records for row in record.rows)
    print(f"\n{missed} missed. Pictures and numbers: {Record.output.relative_to(Path.cwd())}/")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
