"""amqp-publish, the tool of shell scripts: amqp-tools."""
import subprocess

import common

MESSAGES = {
    "plain": ([], b"x"),
    "json": (["-C", "application/json", "-E", "utf-8", "-p"], b'{"source":"app1"}'),
    "headers": (["-H", "h: text", "-H", "x-n: 5", "-H", "x-colon: a:b"], b"x"),
    "reply": (["-t", "answers"], b"x"),
    "lines": ([], b"one\ntwo\n"),
    "binary": ([], b"\x00\xff\x00"),
}

task = common.task()
sent = []
for name, (how, body) in MESSAGES.items():
    key = "tools.own." + name
    subprocess.run(["amqp-publish", "-u", task["url"], "-e", task["exchange"], "-r", key] + how, input=body, check=True, timeout=60)
    sent.append(key)
common.answer(sent=sent, cannot=[])
