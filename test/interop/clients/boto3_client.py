"""boto3, the client of S3: python3-boto3. It reads all objects of a bucket; what is packed is unpacked by gzip and zstd."""
import base64
import subprocess
import sys

import boto3
import botocore.config

import common

UNPACK = {".gz": ["gzip", "-dc"], ".zst": ["zstd", "-dcq"]}


def unpacked(key, data):
    for end, command in UNPACK.items():
        if key.endswith(end):
            return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


task = common.task()
assert sys.argv[1] == "read"
s3 = boto3.client("s3", endpoint_url=task["s3"], region_name=task["region"], aws_access_key_id=task["access_key"],
                  aws_secret_access_key=task["secret_key"], config=botocore.config.Config(s3={"addressing_style": "path"}))
objects = []
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=task["bucket"]):
    for o in page.get("Contents", []):
        got = s3.get_object(Bucket=task["bucket"], Key=o["Key"])
        data = got["Body"].read()
        objects.append({"key": o["Key"], "type": got["ContentType"], "encoding": got.get("ContentEncoding", ""), "size": o["Size"], "length": len(data),
                        "text": base64.b64encode(unpacked(o["Key"], data)).decode()})
common.answer(objects=objects)
