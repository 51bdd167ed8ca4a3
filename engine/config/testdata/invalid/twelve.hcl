# env: BATCH_SIZE=abc
pipeline "logs" {
  drain_timeout = "30 sec"

  input "ampq" {
    queue = "log_queue"
  }
  processor "batch" {
    count        = env("BATCH_SIZE", 50)
    bytes        = "16 Mb"
    partition_by = "source"
  }
  processor "retry" {
    attempts = 3
    backof   = "1s"
  }
  output "s3" {
    region      = env("AWS_REGION")
    compression = "gzp"
    key         = "logs/${batch.tiem}/${batch.id}"
    workers     = 0
  }
  output "stdout" {}
}
