"""Qpid Proton, a client of AMQP 1.0: python3-qpid-proton. The broker translates: 4.x in itself, 3.x by a plugin."""
import contextlib
import sys
import urllib.parse
import uuid

from proton import Message, ProtonException, byte, char, float32, int32, symbol, short, timestamp, ubyte, uint, ulong, ushort
from proton.reactor import AtLeastOnce
from proton.utils import BlockingConnection

import common

U = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")

# What the other protocol has no word for is what matters here: symbols, UUIDs, unsigned numbers, binary bodies, several kinds of ids.
VALUES = {
    "bool": True, "byte": byte(-5), "ubyte": ubyte(200), "short": short(-300), "ushort": ushort(60000), "int": int32(-70000),
    "uint": uint(4000000000), "long": -(1 << 40), "ulong": ulong(1 << 40), "ulong-most": ulong((1 << 64) - 1), "float": float32(1.5), "double": 2.25,
    "text": "Grüße", "binary": b"\x00\xff", "symbol": symbol("word"), "uuid": U, "time": timestamp(1767323045123), "char": char("ü"), "null": None,
}


# 4.x makes integers of these types of them, as others write them, too: their keys say so. It delivers the last one as a negative number.
GROUPS = {"property-ubyte": "B", "property-ushort": "u", "property-uint": "i", "property-short": "s", "property-null": "V", "property-ulong-most": "most"}


def group(name):
    return "ids" if name.startswith("id-") or name == "all" else GROUPS.get(name, "own")


# What brokers take by AMQP 1.0 and cannot deliver by AMQP 0-9-1: they end the connection of whoever reads it, with 541.
POISON = {3: {"id-number", "id-long"}, 4: {"property-uuid", "property-char"}}


def messages():
    for name, v in VALUES.items():
        yield "property-" + name, dict(properties={"h": v}, body=b"x", inferred=True)
    yield "map", dict(properties={"h": "x"}, body={"source": "app1", "n": 5, "list": [1, "a"]})
    yield "list", dict(body=["a", 1, True])
    yield "text", dict(body='{"source":"app1"}')
    yield "binary-value", dict(body=b"\x00\xff")
    yield "data", dict(body=b'{"source":"app1"}', inferred=True)
    yield "nothing", dict(body=None)
    yield "number", dict(body=ulong(1 << 40))
    yield "id-text", dict(id="id-1", correlation_id="c-1", body=b"x", inferred=True)
    yield "id-number", dict(id=ulong(77), correlation_id=ulong(78), body=b"x", inferred=True)
    yield "id-uuid", dict(id=U, correlation_id=U, body=b"x", inferred=True)
    yield "id-binary", dict(id=b"\xff\x00", correlation_id=b"\x01", body=b"x", inferred=True)
    yield "id-long", dict(id="i" * 300, correlation_id="c" * 300, body=b"x", inferred=True)
    yield "all", dict(subject="subject", reply_to="/queues/reply", content_type="application/json", content_encoding="identity", expiry_time=1893456000,
                      creation_time=1767323045.5, group_id="g", group_sequence=7, reply_to_group_id="r", priority=9, ttl=86400.0,
                      body=b'{"source":"app1"}', inferred=True)
    yield "annotations", dict(annotations={symbol("x-opt-note"): "n", symbol("x-number"): ulong(5)}, instructions={symbol("d"): 1}, body=b"x", inferred=True)
    yield "many", dict(properties={f"h{i}": i for i in range(200)}, body=b"x", inferred=True)
    yield "long-name", dict(properties={"n" * 300: 1, "ok": 2}, body=b"x", inferred=True)


def send(url, address, message):
    """Each message has a connection of its own: the plugin of 3.x breaks off at some."""
    connection = BlockingConnection(f"amqp://{url.hostname}:{url.port}", user=url.username, password=url.password, timeout=20,
                                    virtual_host="vhost:" + urllib.parse.unquote(url.path[1:]), allowed_mechs="PLAIN", sasl_enabled=True)
    try:
        connection.create_sender(address, options=AtLeastOnce()).send(message)
    finally:
        with contextlib.suppress(ProtonException):
            connection.close()


task = common.task()
url = urllib.parse.urlparse(task["url"])
sent, cannot = [], []
large = task.get("large")
for name, how in [("large", dict(properties={"h": "x" * large}, body=b"x", inferred=True))] if large else messages():
    if name in POISON[min(task["broker"], 4)] and not task["poison"] or task["poison"] and name != task["poison"]:
        continue
    key = f"proton.{group(name)}.{name}"
    address = f"/{'exchanges' if task['broker'] >= 4 else 'exchange'}/{task['exchange']}/{key}"
    try:
        send(url, address, Message(durable=True, **how))
    except ProtonException as e:
        print(f"{key}: {e!r}", file=sys.stderr)
        cannot.append(key)
    else:
        sent.append(key)
common.answer(sent=sent, cannot=cannot)
