"""A recorder that is killed between a write and its acknowledgement loses and doubles nothing."""

import random

import pytest

from livewidget.testing import KafkaServer

from .killed import KINDS, kill_again_and_again

KILLS = 3


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_in_the_folder_once(kind, tmp_path, record_property):
    if "kafka" in kind:
        pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
        if not KafkaServer.is_available():
            pytest.skip("noida-db, the server of Kafka's protocol, is not installed")
    sent, ids = kill_again_and_again(kind, tmp_path / "kept", KILLS, random.Random(5))
    record_property("events", sent)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(range(sent))
