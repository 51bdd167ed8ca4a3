"""aio-pika and its codec pamqp: python3-aio-pika."""
import asyncio
import logging
import struct
import sys

import aio_pika
import pamqp.exceptions

import common

NAMES = ["content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration",
         "message_id", "timestamp", "type", "user_id", "app_id"]


def options(properties):
    made = dict(properties)
    if "cluster_id" in made:
        raise common.Cannot
    if not 0 <= made.get("timestamp", 0) < 253402300800:
        raise common.Cannot  # Python's time ends there, and below 0 the library breaks off in the middle of a message
    if "expiration" in made:
        made["expiration"] = int(made["expiration"]) / 1000  # the library wants seconds
    return made


async def write(channel, task):
    sent, cannot = [], []
    for m in task["messages"]:
        name = m.get("exchange", task["exchange"])
        exchange = await channel.get_exchange(name, ensure=False)
        try:
            message = aio_pika.Message(common.body(m), headers=common.headers(m), **options(m.get("properties", {})))
            await exchange.publish(message, m["key"], mandatory=True)
        except (common.Cannot, TypeError, ValueError, OverflowError, OSError, struct.error):
            cannot.append(m["key"])
        else:
            sent.append(m["key"])
    common.answer(sent=sent, cannot=cannot)


async def read(channel, task):
    queues = {}
    for name in task["queues"]:
        got = queues[name] = []
        queue = await channel.declare_queue(name, passive=True)
        left = queue.declaration_result.message_count
        if left == 0:
            continue
        async with queue.iterator(no_ack=True) as messages:
            while left > 0:
                try:
                    m = await asyncio.wait_for(messages.__anext__(), 30)
                except asyncio.TimeoutError:
                    print(name, "waits behind", got[-1]["key"] if got else None, file=sys.stderr)
                    break  # it says nothing of what it cannot decode, and waits for ever
                got.append(common.message(m.routing_key, m.exchange, m.body, {n: getattr(m, n) for n in NAMES}, m.headers_raw))
                left -= 1
    common.answer(queues=queues)


async def main():
    task = common.task()
    connection = await aio_pika.connect(task["url"])
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        await {"write": write, "read": read}[sys.argv[1]](channel, task)


logging.basicConfig(level=logging.WARNING)  # why the library closed a channel
asyncio.run(main())
