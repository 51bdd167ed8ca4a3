"""A consumer and a producer that behave as the Python log aggregator does which logpipe replaces, in its variables, queues and files.

What is wrong with it is here on purpose: a message is acked when it is in memory, a part of a batch waits for ever, an object of the same
second replaces the one before, nothing reads the fallback file. It tells on its output which messages it has taken: a line of JSON for each.
"""
import datetime
import json
import os
import random
import sys
import time

import boto3
import botocore.config
import pika

QUEUE = os.environ.get("RABBITMQ_QUEUE", "log_queue")
DLQ = os.environ.get("RABBITMQ_DLQ", "log_dlq")


def channel():
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    channel = connection.channel()
    channel.queue_declare(queue=QUEUE, durable=True)
    return connection, channel


def tell(what, **more):
    print(json.dumps(dict(what=what, **more)), flush=True)


class Consumer:
    def __init__(self):
        self.batch, self.size, self.retries = [], int(os.environ.get("BATCH_SIZE", 50)), int(os.environ.get("RETRY_LIMIT", 3))
        self.s3 = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1",
                               config=botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5))

    def run(self):
        _, self.channel = channel()
        self.channel.exchange_declare(exchange="dlx", exchange_type="direct")
        self.channel.queue_declare(queue=DLQ, durable=True)
        self.channel.queue_bind(queue=DLQ, exchange="dlx", routing_key=DLQ)
        self.channel.basic_consume(queue=QUEUE, on_message_callback=self.take)
        tell("ready")
        self.channel.start_consuming()

    def take(self, channel, method, properties, body):
        try:
            log = json.loads(body)
        except ValueError:
            channel.basic_publish(exchange="dlx", routing_key=DLQ, body=body)
            channel.basic_ack(delivery_tag=method.delivery_tag)
            tell("dead", body=body.decode("utf-8", "replace"))
            return
        self.batch.append(log)
        channel.basic_ack(delivery_tag=method.delivery_tag)
        tell("taken", seq=log["seq"])
        if len(self.batch) >= self.size:
            batch, self.batch = self.batch, []
            for one in batch:
                self.upload(one)

    def upload(self, log):
        at = datetime.datetime.now(datetime.timezone.utc)
        key = f"logs/{at:%Y-%m-%d}/{log['source']}/{at:%H:%M:%S}.json"
        for attempt in range(1, self.retries + 1):
            try:
                self.s3.put_object(Bucket=os.environ["S3_BUCKET"], Key=key, Body=json.dumps(log))
                return
            except Exception as e:
                error = str(e)
                if attempt < self.retries:
                    time.sleep(min(2 ** (attempt - 1), 10))
        path = os.environ["FALLBACK_PATH"]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a") as f:
            f.write(json.dumps(dict(log, _error=error)) + "\n")
        tell("fallback", seq=log["seq"])


def produce():
    """MESSAGES records from number FIRST on, ten in the original; each INVALID_EVERY-th is no JSON."""
    connection, ch = channel()
    first, every = int(os.environ.get("FIRST", 1)), int(os.environ.get("INVALID_EVERY", 0))
    for seq in range(first, first + int(os.environ.get("MESSAGES", 10))):
        record = {"timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(), "source": random.choice(["app1", "app2", "app3"]),
                  "event": random.choice(["login_failed", "high-cpu", "new_user"]), "count": random.randint(1, 5), "seq": seq}
        body = json.dumps(record)
        ch.basic_publish(exchange="", routing_key=QUEUE, body=body[:-1] if every and seq % every == 0 else body)
    connection.close()


if sys.argv[1] == "produce":
    produce()
else:
    Consumer().run()
