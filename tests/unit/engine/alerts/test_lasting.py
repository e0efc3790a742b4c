"""What an alert manager knows, kept again and again, and for the last time."""

import time
from types import SimpleNamespace

from livewidget.codecs.state import unpack
from livewidget.engine.alerts import lasting
from livewidget.engine.archive import Archive
from livewidget.testing import LastingStore, wait_until


def test_what_is_kept_last_is_what_was_known_last(monkeypatch, engine):
    """Though the thread that keeps it now and then is slow."""
    saving, save = [], Archive.save_state

    def late(archive, name, data):
        if not saving:
            saving.append(True)
            time.sleep(0.05)
            save(archive, name, data)
            saving.append(True)
        else:
            save(archive, name, data)

    monkeypatch.setattr(lasting, "EVERY_S", 0.0)
    monkeypatch.setattr(Archive, "save_state", late)
    known = {"version": 1}
    manager = SimpleNamespace(save=lambda: dict(known), close=lambda: None)
    store = LastingStore()
    archive = Archive(store, dict)
    keeping = lasting.LastingAlerts(manager, archive, engine)
    wait_until(lambda: saving)
    known["version"] = 2
    keeping.close()
    wait_until(lambda: len(saving) == 2)
    assert unpack(store.load("state-alerts")) == {"version": 2}
    archive.close()
