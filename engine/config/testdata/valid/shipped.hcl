# env: S3_BUCKET=logs
pipeline "logs" {
  input "amqp" {
    url         = env("RABBITMQ_URL", "")            # wins over host when set
    host        = env("RABBITMQ_HOST", "localhost")
    queue       = env("RABBITMQ_QUEUE", "log_queue")
    dead_letter_exchange    = "dlx"                  # broker-side safety net for crash loops: exchange, queue and
    dead_letter_routing_key = env("RABBITMQ_DLQ", "log_dlq")   # binding are declared before anything is consumed
  }
  processor "json" {}                                # what is not JSON is a dead letter
  processor "batch" {
    count        = env("BATCH_SIZE", 50)
    bytes        = "16MiB"
    age          = "5s"
    partition_by = ["@date", "source"]
  }
  processor "retry" {
    attempts    = env("RETRY_LIMIT", 3)
    backoff     = "1s"
    max_backoff = "10s"
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    region   = env("AWS_REGION", "us-east-1")
    endpoint = env("S3_ENDPOINT", "")
    workers  = env("MAX_WORKERS", 5)
    key      = "logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"
    compression = "gzip"                             # .gz is appended to the key
  }
  fallback "file" {                                  # NDJSON; comes home by itself when S3 is well again
    path = env("FALLBACK_PATH", "/tmp/failed_logs.ndjson")
  }
  dead_letter "amqp" {
    url      = env("RABBITMQ_URL", "")
    host     = env("RABBITMQ_HOST", "localhost")
    exchange = "dlx"
    queue    = env("RABBITMQ_DLQ", "log_dlq")
  }
}
