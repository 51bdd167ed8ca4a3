"""kombu: python3-kombu. It writes messages of its own kind, as celery sends them: packed, pickled, with its headers."""
import base64
import datetime
import sys
import uuid

import kombu
import kombu.serialization

import common


def celery(task_name, args):
    """What celery's second protocol sends for a task."""
    task_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, task_name))
    headers = {"lang": "py", "task": task_name, "id": task_id, "shadow": None, "eta": "2026-01-02T03:04:05+00:00", "expires": None,
               "group": None, "group_index": None, "retries": 0, "timelimit": [None, None], "root_id": task_id, "parent_id": None,
               "argsrepr": repr(args), "kwargsrepr": "{}", "origin": "gen1@host", "ignore_result": False, "stamps": {}, "big": 1 << 40}
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return headers, (args, {}, embed), {"correlation_id": task_id, "reply_to": str(uuid.uuid5(uuid.NAMESPACE_DNS, "reply"))}


def messages():
    record = {"source": "app1", "event": "login_failed", "text": "Grüße " * 20}
    yield "json", record, dict(serializer="json")
    yield "yaml", record, dict(serializer="yaml")
    yield "pickle", record, dict(serializer="pickle")
    yield "raw", b"\x00\xff raw", dict()
    yield "text", "Grüße", dict()
    yield "zlib", record, dict(serializer="json", compression="zlib")
    yield "bzip2", record, dict(serializer="json", compression="bzip2")
    yield "lzma", record, dict(serializer="json", compression="lzma")
    yield "expires", record, dict(serializer="json", expiration=86400.0)
    yield "priority", record, dict(serializer="json", priority=9)
    headers, body, properties = celery("tasks.add", [1, 2])
    yield "celery", body, dict(serializer="json", headers=headers, **properties)
    yield "celery-zlib", body, dict(serializer="json", compression="zlib", headers=headers, **properties)
    yield "times", record, dict(serializer="json", headers={"h": datetime.datetime(2026, 1, 2, 3, 4, 5)}, timestamp=1767323045)


task = common.task()
assert sys.argv[1] == "write"
with kombu.Connection(task["url"], transport_options={"confirm_publish": True}) as connection:
    producer = connection.Producer()
    sent, packed = [], {}
    for name, body, how in messages():
        key = ("kombu.celery." if name.startswith("celery") else "kombu.own.") + name
        producer.publish(body, exchange=task["exchange"], routing_key=key, mandatory=True, **how)
        sent.append(key)
        if how.get("compression") in ("zlib", "bzip2"):  # logpipe undoes these, and not lzma
            _, _, text = kombu.serialization.dumps(body, serializer=how["serializer"])
            packed[key] = {"body": base64.b64encode(text.encode()).decode(), "encoding": None}
    common.answer(sent=sent, cannot=[], packed=packed)
