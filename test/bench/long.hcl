# What is measured: the memory of a run that is long.

pipeline "long" {
  input "generator" {
    count = env("MESSAGES")
    size  = env("MESSAGE_SIZE")
  }

  processor "batch" {
    count = env("BATCH_SIZE", 1000)
  }

  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = env("AWS_REGION")
    endpoint    = env("S3_ENDPOINT")
    key         = "logs/${batch.date}/${batch.id}.ndjson"
    compression = "gzip"
  }
}
