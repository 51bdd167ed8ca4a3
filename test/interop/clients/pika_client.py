"""pika: python3-pika."""
import struct
import sys

import pika

import common

NAMES = ["content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration",
         "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id"]


def naive(v):
    """pika takes a time for UTC, and gives one without a zone."""
    letter, value = v
    if letter == "T":
        return common.native(v).replace(tzinfo=None)
    if letter == "F":
        return {name: naive(e) for name, e in value.items()}
    if letter == "A":
        return [naive(e) for e in value]
    return common.native(v)


def write(channel, task):
    channel.confirm_delivery()
    sent, cannot = [], []
    for m in task["messages"]:
        try:
            properties = pika.BasicProperties(headers=common.headers(m, naive) or None, **m.get("properties", {}))
            channel.basic_publish(m.get("exchange", task["exchange"]), m["key"], common.body(m), properties, mandatory=True)
        except (common.Cannot, TypeError, AssertionError, OverflowError, struct.error, pika.exceptions.ShortStringTooLong, pika.exceptions.UnsupportedAMQPFieldException):
            cannot.append(m["key"])
        else:
            sent.append(m["key"])
    common.answer(sent=sent, cannot=cannot)


def read(channel, task):
    queues = {}
    for queue in task["queues"]:
        got = queues[queue] = []
        while True:
            method, p, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                break
            got.append(common.message(method.routing_key, method.exchange, body, {n: getattr(p, n) for n in NAMES}, p.headers))
    common.answer(queues=queues)


task = common.task()
connection = pika.BlockingConnection(pika.URLParameters(task["url"]))
{"write": write, "read": read}[sys.argv[1]](connection.channel(), task)
connection.close()
