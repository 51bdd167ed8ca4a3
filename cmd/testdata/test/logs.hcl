pipeline "logs" {
  input "amqp" {
    queue = "log_queue"
  }
  processor "json" {}
  processor "batch" {
    age          = "5s"
    partition_by = ["@date", "source"]
  }
  processor "retry" {
    attempts = 3
  }
  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = env("AWS_REGION", "us-east-1")
    key         = "logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"
    compression = "gzip"
  }
  fallback "file" {
    path = "/var/lib/logpipe/failed.ndjson"
  }
  dead_letter "amqp" {
    exchange = "dlx"
    queue    = "log_dlq"
  }
}
