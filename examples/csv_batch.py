"""A CSV file in, a CSV file out, and nothing lost on the way: a journal lies beside the output.

Stop it with Ctrl-C, or kill it, and start it again: what has ended is not computed a second time. The journal is kept;
once all rows are there, another run only writes the output anew. `lmc run` does the same for any program:

    lmc run examples/csv_batch.py --args-file in.csv -o out.csv --resume

    python examples/csv_batch.py                          # a table of its own, in a temporary folder
    python examples/csv_batch.py in.csv out.csv echo      # columns `ticket` and `customer`; made-up answers
"""

import csv
import sys
import tempfile
from pathlib import Path

import lmc

TICKETS = """\
id,customer,ticket
1,Ann,The parcel came open and the cup was broken.
2,Bo,How long does shipping to Norway take?
3,Cy,"I was charged twice, please help!"
"""


@lmc.function
def csv_batch(s, ticket: str = "Where is my parcel?", customer: str = "Ann"):
    s += lmc.system("You sort the tickets of a shop that sells by mail.")
    s += lmc.user(f"{customer} writes: {ticket}")
    with s.assistant():
        s += "This is about "
        s += lmc.select("topic", ["shipping", "payment", "damage", "other"])
        s += ". An answer is due "
        s += lmc.select("due", ["today", "this week"])


def main(source: str | None = None, target: str | None = None, backend: str = "auto") -> None:
    """Read the table, run its rows, write it with the answers behind."""
    with tempfile.TemporaryDirectory() as folder:
        if source is None:
            source, target = f"{folder}/in.csv", f"{folder}/out.csv"
            Path(source).write_text(TICKETS)
        with open(source, newline="") as file:
            rows = list(csv.DictReader(file))
        answered = answer(rows, f"{target}.journal", backend)
        with open(str(target), "w", newline="") as file:
            table = csv.DictWriter(file, [*rows[0], "topic", "due", "error"])
            table.writeheader()
            table.writerows(answered)
        print(Path(str(target)).read_text(), end="")


def answer(rows: list[dict[str, str]], journal: str, backend: str) -> list[dict[str, str]]:
    """The rows with the program's values, or with what went wrong."""
    items = [{"ticket": row["ticket"], "customer": row["customer"]} for row in rows]
    results = csv_batch.run_batch(items, backend=backend, journal=journal, retry=2, timeout=120)
    return [
        {**row, "topic": result["topic"], "due": result["due"]}
        if result.error is None
        else {**row, "error": str(result.error)}
        for row, result in zip(rows, results)
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
