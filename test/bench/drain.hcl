# What is measured: a queue to S3, each message checked to be JSON, in objects of a thousand.

pipeline "drain" {
  input "amqp" {
    url         = env("RABBITMQ_URL")
    queue       = env("QUEUE")
    declare     = "never"
    prefetch    = env("PREFETCH", 10000)
    connections = env("CONNECTIONS", 1)
  }

  processor "json" {}

  processor "batch" {
    count = env("BATCH_SIZE", 1000)
    age   = env("AGE", "1s")
  }

  output "s3" {
    bucket            = env("S3_BUCKET")
    region            = env("AWS_REGION")
    endpoint          = env("S3_ENDPOINT")
    key               = "logs/${batch.date}/${batch.id}.ndjson"
    compression       = env("COMPRESSION", "none")
    compression_level = env("COMPRESSION_LEVEL", 0)
  }

  dead_letter "file" {
    path = env("DEAD_LETTERS")
  }
}
