"""curl at the management API, as rabbitmqadmin and the broker's own web page publish and get: headers are what JSON has."""
import base64
import json
import subprocess
import sys
import urllib.parse

import common


def ask(task, method, path, what):
    vhost = urllib.parse.urlparse(task["url"]).path[1:] or "%2F"
    admin = urllib.parse.urlparse(task["admin"])
    done = subprocess.run(["curl", "--silent", "--show-error", "--fail-with-body", "--user", f"{admin.username}:{admin.password}", "--request", method,
                           "--data-binary", "@-", f"http://{admin.hostname}:{admin.port}/api/{path.format(vhost=vhost)}"],
                          input=json.dumps(what).encode(), stdout=subprocess.PIPE, timeout=60)
    if done.returncode:
        sys.exit(f"{path}: {done.stdout!r}")
    return json.loads(done.stdout)


HEADERS = {"bool": True, "int": -5, "big": 1 << 40, "most": (1 << 63) - 1, "float": 1.5, "text": "Grüße", "list": [1, "a", {"b": 2}],
           "table": {"a": {"b": [1.5]}}, "empty-list": [], "empty-table": {}}
PROPERTIES = {"content_type": "application/json", "priority": 3, "timestamp": 1767323045, "message_id": "id-1", "delivery_mode": 2, "correlation_id": "c",
              "reply_to": "r", "type": "t", "app_id": "a"}


def write(task):
    cases = [("header-" + name, {"headers": {"h": v}}, b"x") for name, v in HEADERS.items()]
    cases += [("property-" + name, {name: v}, b"x") for name, v in PROPERTIES.items()]
    cases += [("all", dict(PROPERTIES, headers=HEADERS), b'{"source":"app1"}'), ("binary", {}, b"\x00\xff")]
    if task.get("large"):  # the management API publishes from within the broker, so no frame bounds it
        cases = [("large", {"headers": {"h": "x" * task["large"]}}, b"x")]
    sent, cannot = [], []
    for name, properties, body in cases:
        key = "curl.own." + name
        answer = ask(task, "POST", "exchanges/{vhost}/" + task["exchange"] + "/publish", {
            "properties": properties, "routing_key": key, "payload": base64.b64encode(body).decode(), "payload_encoding": "base64"})
        (sent if answer["routed"] else cannot).append(key)
    common.answer(sent=sent, cannot=cannot)


def read(task):
    queues = {}
    for queue in task["queues"]:
        got = ask(task, "POST", "queues/{vhost}/" + urllib.parse.quote(queue, safe="") + "/get",
                  {"count": 100000, "ackmode": "ack_requeue_false", "encoding": "base64"})
        queues[queue] = [common.message(m["routing_key"], m["exchange"], base64.b64decode(m["payload"]),
                                        {n: v for n, v in m["properties"].items() if n != "headers"} if m["properties"] else {},
                                        m["properties"].get("headers") if m["properties"] else {}) for m in got]
    common.answer(queues=queues)


{"write": write, "read": read}[sys.argv[1]](common.task())
