import sys
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from livewidget.data.errors import MissingExtraError, SettingError
from livewidget.sources import KafkaSource, MqttSource
from livewidget.sources.kafka_settings import (
    At,
    Place,
    explained,
    place,
    secrets,
    security,
    to_start,
)


def test_a_url_tells_servers_topics_user_and_options():
    told = place("kafka://me:p%40ss@a:1,b:2/t%2Fx,u?group=g&start=earliest", None)
    assert told == Place("a:1,b:2", ("t/x", "u"), "me", "p@ss", {"group": "g", "start": "earliest"})


@pytest.mark.parametrize(
    ("make", "module", "extra"),
    [
        (lambda: KafkaSource("h", "t"), "confluent_kafka", "kafka"),
        (lambda: MqttSource("mqtt://h/t"), "aiomqtt", "mqtt"),
    ],
)
def test_a_missing_package_is_told_at_the_door(monkeypatch, make, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"livewidget\[{extra}\]"):
        make()


@pytest.mark.parametrize("servers", ["a:1,b:2", "kafka://a:1,b:2"])
@pytest.mark.parametrize("topic", ["t", ["t"]])
def test_plain_servers_take_their_topic_beside(servers, topic):
    assert place(servers, topic) == Place("a:1,b:2", ("t",), None, None, {})


@pytest.mark.parametrize(
    "url",
    ["kafka://me:secret@h", "kafka://me:secret@/t", "kafka://me:secret@h/t?x=1", "kafka://h/,"],
)
def test_a_url_without_what_is_needed_is_refused_without_its_secret(url):
    with pytest.raises(SettingError) as caught:
        place(url, None)
    assert "secret" not in str(caught.value)


SECOND = 1_700_000_000
MOMENT = datetime.fromtimestamp(SECOND, UTC)


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ("earliest", "earliest"),
        ("latest", "latest"),
        (0, 0),
        ("17", 17),
        (np.int64(17), 17),
        ({0: 5, 3: 7}, {0: 5, 3: 7}),
        (SECOND * 10**9, At(SECOND * 1000)),
        (MOMENT, At(SECOND * 1000)),
        (MOMENT.replace(tzinfo=None), At(SECOND * 1000)),
        (MOMENT.astimezone(timezone(timedelta(hours=5))), At(SECOND * 1000)),
        (MOMENT.isoformat(), At(SECOND * 1000)),
        ("2023-11-14T22:13:20Z", At(SECOND * 1000)),
        (np.datetime64(SECOND, "s"), At(SECOND * 1000)),
    ],
)
def test_a_start_is_a_word_an_offset_or_a_time(given, start):
    assert to_start(given) == start


@pytest.mark.parametrize("bad", ["first", "", -1, "-1", True, 1.5, None, {}, {0: -1}, {"0": 1}, []])
def test_anything_else_is_no_start(bad):
    with pytest.raises(SettingError, match="start is 'earliest', 'latest', an offset"):
        to_start(bad)


@pytest.mark.parametrize(
    ("user", "tls", "protocol"),
    [
        (None, None, "PLAINTEXT"),
        (None, True, "SSL"),
        ("me", None, "SASL_SSL"),  # a password is hidden unless one says otherwise
        ("me", False, "SASL_PLAINTEXT"),
        ("me", "0", "SASL_PLAINTEXT"),
        (None, "true", "SSL"),
    ],
)
def test_a_password_goes_by_tls_unless_one_says_otherwise(user, tls, protocol):
    assert security(user, "word", "PLAIN", tls)["security.protocol"] == protocol


def test_a_file_of_certificates_is_the_one_to_trust(tmp_path):
    file = tmp_path / "ca.pem"
    file.touch()
    assert security(None, None, "PLAIN", str(file))["ssl.ca.location"] == str(file)


def test_what_may_not_be_shown_is_found_by_its_name():
    settings = {"sasl.password": "a", "ssl.key.pem": "b", "sasl.oauthbearer.client.secret": "c"}
    assert secrets(settings | {"client.id": "d"}) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "text", "told", "final"),
    [
        (
            "_TRANSPORT",
            "h:1/bootstrap: Connect to ipv4#h:1 failed: Connection refused (after 0ms in state X)",
            "nothing answers at h:1",
            False,
        ),
        ("_RESOLVE", "h:1/bootstrap: Failed to resolve", "there is no address for h:1", False),
        (
            "_SSL",
            "ssl://h:1/bootstrap: SSL handshake failed: certificate verify failed: reason here",
            "h:1: its certificate is not valid (reason here)",
            True,
        ),
        ("_AUTHENTICATION", "h:1/3: no!", "h:1 does not accept who asks: no!", True),
        ("_TIMED_OUT", "h:1/3: 2 requests timed out", "h:1: 2 requests timed out", False),
        ("_FAIL", "", "h:1: _FAIL", False),
    ],
)
def test_an_error_is_one_line_for_a_person(name, text, told, final):
    assert explained(name, text, "h:1") == (told, final)
