# The main job: logs from RabbitMQ, in batches, to S3. Whatever fails, no log is lost.
# Every environment variable here but ALERT_WEBHOOK_URL has the name it had in the Python log aggregator that logpipe replaces.

pipeline "logs" {
  input "amqp" {
    url   = env("RABBITMQ_URL", "") # wins over host when set
    host  = env("RABBITMQ_HOST", "localhost")
    queue = env("RABBITMQ_QUEUE", "log_queue")

    # The broker's own safety net: exchange, queue and binding are declared before anything is consumed.
    dead_letter_exchange    = "dlx"
    dead_letter_routing_key = env("RABBITMQ_DLQ", "log_dlq")
  }

  processor "json" {} # what is not JSON is a dead letter

  processor "batch" {
    count        = env("BATCH_SIZE", 50)
    bytes        = "16MiB"
    age          = "5s"
    time_field   = "timestamp"         # the record's own time; where it has none, that of its arrival
    partition_by = ["@date", "source"] # so that an object holds one day, whatever the clock says when it is sealed
  }

  processor "retry" {
    attempts    = env("RETRY_LIMIT", 3)
    backoff     = "1s"
    max_backoff = "10s"
  }

  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = env("AWS_REGION", "us-east-1")
    endpoint    = env("S3_ENDPOINT", "")
    workers     = env("MAX_WORKERS", 5)
    key         = "logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"
    compression = "gzip" # .gz is appended to the key
  }

  # Where batches go while S3 is down. They come home by themselves when it is well again.
  fallback "file" {
    path = env("FALLBACK_PATH", "/tmp/failed_logs.ndjson")
  }

  # Messages that can never be stored, each with the reason.
  dead_letter "amqp" {
    url      = env("RABBITMQ_URL", "")
    host     = env("RABBITMQ_HOST", "localhost")
    exchange = "dlx"
    queue    = env("RABBITMQ_DLQ", "log_dlq")
  }
}

# Somebody is called when logs do not flow, or when a dead letter appears. Without a URL it is lines of the log.
alert "webhook" {
  url           = env("ALERT_WEBHOOK_URL", "")
  dead_letters  = 1
  success_rate  = 0.9 # of the writes within 5 minutes
  unsettled_age = "10m"
  outage        = "5m"
  repeat        = "4h"
}
