# Four queues into one bucket, by one process: what replicas share when one queue is the limit.

pipeline "queues" {
  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = "bench-1"
    declare  = "never"
    prefetch = env("PREFETCH", 10000)
  }

  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = "bench-2"
    declare  = "never"
    prefetch = env("PREFETCH", 10000)
  }

  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = "bench-3"
    declare  = "never"
    prefetch = env("PREFETCH", 10000)
  }

  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = "bench-4"
    declare  = "never"
    prefetch = env("PREFETCH", 10000)
  }

  processor "json" {}

  processor "batch" {
    count = env("BATCH_SIZE", 1000)
    age   = env("AGE", "1s")
  }

  output "s3" {
    bucket   = env("S3_BUCKET")
    region   = env("AWS_REGION")
    endpoint = env("S3_ENDPOINT")
    key      = "logs/${batch.date}/${batch.id}.ndjson"
  }

  dead_letter "file" {
    path = env("DEAD_LETTERS")
  }
}
