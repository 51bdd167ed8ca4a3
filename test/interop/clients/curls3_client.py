"""curl as a client of S3, with its own signature (--aws-sigv4), which leaves the hash of what is sent to the caller. It reads all objects of a bucket; what is packed is unpacked by gzip and zstd."""
import base64
import hashlib
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree

import common

UNPACK = {".gz": ["gzip", "-dc"], ".zst": ["zstd", "-dcq"]}


def get(task, path, query=""):
    command = ["curl", "--silent", "--show-error", "--fail", "--aws-sigv4", f"aws:amz:{task['region']}:s3", "--user",
               f"{task['access_key']}:{task['secret_key']}", "--header", "x-amz-content-sha256: " + hashlib.sha256(b"").hexdigest(), "--dump-header", "/dev/stderr", task["s3"] + path + query]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode:
        sys.exit(f"{path}{query}: {done.stderr.decode()}")
    headers = dict(line.lower().split(": ", 1) for line in done.stderr.decode().splitlines() if ": " in line)
    return headers, done.stdout


def unpacked(key, data):
    for end, command in UNPACK.items():
        if key.endswith(end):
            return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


task = common.task()
_, listing = get(task, "/" + task["bucket"], "?list-type=2")
objects = []
for o in xml.etree.ElementTree.fromstring(listing).findall("{*}Contents"):
    key = o.find("{*}Key").text
    headers, data = get(task, "/" + task["bucket"] + "/" + urllib.parse.quote(key))
    objects.append({"key": key, "type": headers.get("content-type", ""), "encoding": headers.get("content-encoding", ""), "size": int(o.find("{*}Size").text),
                    "length": len(data), "text": base64.b64encode(unpacked(key, data)).decode()})
common.answer(objects=objects)
