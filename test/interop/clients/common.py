"""What the clients in Python share: the description of messages, and of what was read.

A value of a header is described as [letter, value] with RabbitMQ's letters for the types of AMQP 0-9-1, and told as
[the library's own type, value].
"""
import base64
import datetime
import decimal
import json
import sys


class Cannot(Exception):
    """The library has no way to write this."""


def task():
    return json.load(sys.stdin)


def body(message):
    return base64.b64decode(message["body"])


def native(v):
    """The value of a header in Python's own types."""
    letter, value = v
    if letter == "t":
        return value
    if letter in "bBsuIilL":
        if letter in "bBsuiL":
            raise Cannot  # Python's integers have no width: the library chooses one
        return int(value)
    if letter == "d":
        return float(value)
    if letter == "D":
        return decimal.Decimal(value)
    if letter == "S":
        return value
    if letter == "x":
        return base64.b64decode(value)
    if letter == "T":
        try:
            return datetime.datetime.fromtimestamp(int(value), datetime.timezone.utc)
        except (ValueError, OSError, OverflowError):
            raise Cannot from None  # Python's time ends with the year 9999
    if letter == "F":
        return {name: native(e) for name, e in value.items()}
    if letter == "A":
        return [native(e) for e in value]
    if letter == "V":
        return None
    raise Cannot


def headers(message, convert=native):
    return {name: convert(v) for name, v in message.get("headers", {}).items()}


def told(v):
    """The value of a header as it was read."""
    kind = type(v).__name__
    if isinstance(v, dict):
        return [kind, {name if isinstance(name, str) else repr(name): told(e) for name, e in v.items()}]
    if isinstance(v, (list, tuple)):
        return [kind, [told(e) for e in v]]
    if isinstance(v, (bytes, bytearray, memoryview)):
        return [kind, {"base64": base64.b64encode(bytes(v)).decode()}]
    if isinstance(v, datetime.datetime):
        return [kind, v.isoformat()]
    if isinstance(v, str):
        return [kind, {"base64": base64.b64encode(v.encode("utf-8", "surrogateescape")).decode()} if any(0xD800 <= ord(c) <= 0xDFFF for c in v) else v]
    return [kind, repr(v) if isinstance(v, float) else str(v)]


def message(key, exchange, data, properties, headers):
    return {
        "key": key, "exchange": exchange, "body": base64.b64encode(data).decode(),
        "properties": {name: told(v) for name, v in properties.items() if v is not None},
        "headers": {name: told(v) for name, v in (headers or {}).items()},
    }


def answer(**what):
    json.dump(what, sys.stdout)
