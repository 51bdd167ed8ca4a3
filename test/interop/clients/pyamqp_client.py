"""py-amqp, on which kombu and celery stand: python3-amqp."""
import struct
import sys
import urllib.parse

import amqp

import common

NAMES = ["content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration",
         "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id"]


def write(channel, task):
    sent, cannot = [], []
    for m in task["messages"]:
        try:
            message = amqp.Message(common.body(m), application_headers=common.headers(m) or None, **m.get("properties", {}))
            channel.basic_publish_confirm(message, m.get("exchange", task["exchange"]), m["key"], mandatory=True)
        except (common.Cannot, amqp.exceptions.FrameSyntaxError, OverflowError, TypeError, ValueError, struct.error):
            cannot.append(m["key"])
        else:
            sent.append(m["key"])
    common.answer(sent=sent, cannot=cannot)


def read(channel, task):
    queues = {}
    for queue in task["queues"]:
        got = queues[queue] = []
        while True:
            m = channel.basic_get(queue, no_ack=True)
            if m is None:
                break
            body = m.body if isinstance(m.body, bytes) else m.body.encode("utf-8")
            got.append(common.message(m.delivery_info["routing_key"], m.delivery_info["exchange"], body,
                                      {n: m.properties.get(n) for n in NAMES}, m.properties.get("application_headers")))
    common.answer(queues=queues)


task = common.task()
url = urllib.parse.urlparse(task["url"])
connection = amqp.Connection(f"{url.hostname}:{url.port}", url.username, url.password, virtual_host=urllib.parse.unquote(url.path[1:]),
                             confirm_publish=True)
connection.connect()
{"write": write, "read": read}[sys.argv[1]](connection.channel(), task)
connection.close()
