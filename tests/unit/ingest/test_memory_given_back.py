"""What a caught error keeps alive goes, however seldom the collector looks by itself."""

import gc
import weakref

from ingest import service


class Batch:
    """Stands for what the frames of a failed write hold."""


def failed_write() -> weakref.ref[Batch]:
    batch = Batch()
    try:
        raise OSError("the database is away")
    except OSError as error:
        kept = error  # with its traceback a cycle, through this very frame
    return weakref.ref(batch) if kept else weakref.ref(Batch())


def test_what_errors_left_behind_is_freed() -> None:
    gc.disable()
    try:
        batch = failed_write()
        assert batch() is not None
        service._give_memory_back()
        assert batch() is None
    finally:
        gc.enable()
