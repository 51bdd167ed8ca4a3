# no-env
pipeline "logs" {
  input "amqp" {
    queue    = env("QUEUE")
    prefetch = env("PREFETCH")
    port     = "x"
  }
  processor "batch" {
    count = env("BATCH_SIZE")
    agee  = "5s"
  }
  output "s3" {
    bucket = env("S3_BUCKET")
    key = "${env("PREFIX")}/${batch.partition.source}/${batch.idd}"
  }
}
