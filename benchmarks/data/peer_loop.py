"""What the peers share: going once through a DataLoader with the clock running."""

import json
import time

BEGAN = {}


def run_loader(loader, count=len, seconds=float("inf"), first_only=False):
    """{"events", "seconds", "events_per_s", "first_batch_s", "first_batch_unix_s"} of one pass, or of its beginning."""
    begin, events, first, first_unix = time.perf_counter(), 0, None, None
    for batch in loader:
        events += count(batch)
        if first is None:
            first, first_unix = time.perf_counter() - begin, time.time()
        if first_only or time.perf_counter() - begin > seconds:
            break
    passed = time.perf_counter() - begin
    return {"events": events, "seconds": passed, "events_per_s": events / passed, "first_batch_s": first,
            "first_batch_unix_s": first_unix, **BEGAN}


def imports_are_done():
    """A peer's main() begins with this: results then say `ready_unix_s`."""
    BEGAN["ready_unix_s"] = time.time()


def print_result(**result):
    print(json.dumps(result), flush=True)
