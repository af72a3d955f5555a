"""`python -m lmc` is `lmc`."""

from __future__ import annotations

from lmc.cli import main

if __name__ == "__main__":
    main(prog_name="lmc")
