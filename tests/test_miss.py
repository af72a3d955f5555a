"""What a call of a run missed in the cache: on its record, in JSON, and as `--show-prompts` prints it."""

from __future__ import annotations

import json

import lmc
from lmc.backend.base import Missed
from lmc.backend.local import CpuBackend
from lmc.calls import CallRecord
from lmc.cli.show_calls import _head

DOCUMENT = "The old harbour has a tower, a market and three small boats. " * 8
OTHER = "Of another town. " * 25


@lmc.function
def read(s, document: str):
    s += document
    s += "\nQ: what is it?" + lmc.gen("answer", max_tokens=4)
    return s["answer"]


def test_a_document_that_had_to_go_is_missed() -> None:
    """And its record goes through JSON; one of an earlier version has no miss."""
    backend = CpuBackend("lmc-tiny", num_slots=200)
    calls = [lmc.run(read, document, backend=backend).calls[0] for document in (DOCUMENT, OTHER, DOCUMENT)]
    backend.close()
    last = calls[-1]

    assert [call.miss for call in calls[:2]] == [None, None]
    assert last.miss == Missed("evicted", last.prompt_tokens - 1 - last.cached_tokens)
    assert f"{last.cached_tokens} cached, {last.miss.tokens} missed (evicted)" in _head(last, False)
    kept = json.loads(json.dumps(last.as_dict()))
    assert CallRecord.of_dict(kept) == last
    del kept["miss"]
    assert CallRecord.of_dict(kept).miss is None
