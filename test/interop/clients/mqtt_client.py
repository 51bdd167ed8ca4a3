"""mosquitto_pub, a client of MQTT: mosquitto-clients. The broker translates: 4.x in itself, 3.x by a plugin. 3.10 has no MQTT 5 and no properties."""
import subprocess
import urllib.parse

import common

MESSAGES = {
    "plain": (["-q", "1"], b"x"),
    "json": (["-q", "1"], b'{"source":"app1","event":"boot"}'),
    "binary": (["-q", "1"], b"\x00\xff\x00"),
    "empty": (["-q", "1", "-n"], None),
    "qos0": (["-q", "0"], b"x"),
}
MESSAGES5 = {
    "user": (["-D", "publish", "user-property", "h", "Grüße", "-D", "publish", "user-property", "h", "again", "-D", "publish", "user-property", "x-n", "5"], b"x"),
    "content": (["-D", "publish", "content-type", "application/json", "-D", "publish", "payload-format-indicator", "1"], b'{"source":"app1"}'),
    "request": (["-D", "publish", "response-topic", "answers/here", "-D", "publish", "correlation-data", "c-1"], b"x"),
    "expiry": (["-D", "publish", "message-expiry-interval", "86400"], b"x"),
}

task = common.task()
url = urllib.parse.urlparse(task["mqtt"])
cases = [("mqtt.own." + name, ["-V", "mqttv311"] + how, body) for name, (how, body) in MESSAGES.items()]
if task["broker"] >= 4:
    cases += [("mqtt.own.v5-" + name, ["-V", "mqttv5", "-q", "1"] + how, body) for name, (how, body) in MESSAGES5.items()]
for key, how, body in cases:
    command = ["mosquitto_pub", "-h", url.hostname, "-p", str(url.port), "-u", urllib.parse.unquote(url.path[1:]) + ":" + url.username,
               "-P", url.password, "-t", key.replace(".", "/")] + how + ([] if body is None else ["-s"])
    subprocess.run(command, input=body or b"", check=True, timeout=60)
common.answer(sent=[key for key, _, _ in cases], cannot=[])
