# One of several queues that share one stream of logs, for when a single queue is not enough. The exchange hashes the routing key of each
# message: those of one key go into the same queue, in their order. Start one logpipe for each queue:
#
#   SHARD=1 S3_BUCKET=logs logpipe examples/sharded.hcl
#   SHARD=2 S3_BUCKET=logs logpipe examples/sharded.hcl
#
# The broker needs its plugin: rabbitmq-plugins enable rabbitmq_consistent_hash_exchange

pipeline "sharded" {
  input "amqp" {
    url   = env("RABBITMQ_URL", "")
    host  = env("RABBITMQ_HOST", "localhost")
    queue = "logs-${env("SHARD")}"

    binding {
      exchange     = "logs"
      type         = "x-consistent-hash"
      routing_keys = ["1"] # no key but the weight: a queue that is bound with 2 gets twice the share of one with 1
    }

    dead_letter_exchange    = "dlx"
    dead_letter_routing_key = "log_dlq"
  }

  processor "json" {}

  # No partition_by but the day: each shard and each value would have batches of its own, and objects become small.
  processor "batch" {
    count        = env("BATCH_SIZE", 1000)
    bytes        = "16MiB"
    age          = "5s"
    partition_by = ["@date"]
  }

  processor "retry" {
    attempts    = 3
    backoff     = "1s"
    max_backoff = "10s"
  }

  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = env("AWS_REGION", "us-east-1")
    endpoint    = env("S3_ENDPOINT", "")
    key         = "logs/${batch.date}/shard-${env("SHARD")}/${batch.id}.ndjson"
    compression = "gzip"
  }

  dead_letter "amqp" {
    url      = env("RABBITMQ_URL", "")
    host     = env("RABBITMQ_HOST", "localhost")
    exchange = "dlx"
    queue    = "log_dlq"
  }
}
