"""stomp.py, a client of STOMP: python3-stomp. The broker translates, by a plugin. All headers are texts."""
import sys
import threading
import urllib.parse

import stomp

import common

# Some names are the broker's for properties, some are STOMP's own, others become headers.
MESSAGES = {
    "plain": ({}, b"x"),
    "json": ({"content-type": "application/json"}, b'{"source":"app1"}'),
    "own": ({"h": "Grüße", "n": "5", "x-empty": ""}, b"x"),
    "escapes": ({"h": "a\\b:c\nd"}, b"x"),
    "properties": ({"content-type": "text/plain", "content-encoding": "identity", "correlation-id": "c", "reply-to": "/queue/r", "expiration": "86400000",
                    "amqp-message-id": "id-1", "type": "t", "app-id": "a", "priority": "9", "persistent": "true", "timestamp": "1767323045",
                    "cluster-id": "c"}, b"x"),
    "persistent": ({"persistent": "true"}, b"x"),
    "binary": ({"content-type": "application/octet-stream"}, b"\x00\xff\x00"),
    "empty": ({}, b""),
    "long": ({"h": "x" * 10000}, b"x"),
}


class Receipts(stomp.ConnectionListener):
    def __init__(self):
        self.got, self.error, self.more = set(), None, threading.Condition()

    def on_receipt(self, frame):
        with self.more:
            self.got.add(frame.headers["receipt-id"])
            self.more.notify_all()

    def on_error(self, frame):
        with self.more:
            self.error = f"{frame.headers} {frame.body}"
            self.more.notify_all()

    def on_disconnected(self):
        with self.more:
            self.error = self.error or "the connection is lost"
            self.more.notify_all()


task = common.task()
url = urllib.parse.urlparse(task["stomp"])
receipts = Receipts()
connection = stomp.Connection12([(url.hostname, url.port)], vhost=urllib.parse.unquote(url.path[1:]), auto_content_length=True, reconnect_attempts_max=1)
connection.set_listener("", receipts)
connection.connect(url.username, url.password, wait=True)
sent = []
for name, (headers, body) in MESSAGES.items():
    key = "stomp.own." + name
    connection.send(f"/exchange/{task['exchange']}/{key}", body, headers=dict(headers, receipt=key))
    with receipts.more:
        if not receipts.more.wait_for(lambda: key in receipts.got or receipts.error, 30) or receipts.error:
            sys.exit(f"{key}: {receipts.error or 'no receipt'}")
    sent.append(key)
common.answer(sent=sent, cannot=[])
connection.disconnect()
