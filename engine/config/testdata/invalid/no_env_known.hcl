# no-env
pipeline "fill" {
  input "amqp" {
    queue    = env("QUEUE")
    prefetch = 10
  }
  processor "batch" {
    count = 100
    age   = env("AGE")
  }
  output "s3" {
    bucket  = env("S3_BUCKET")
    key     = "${batch.id}"
    workers = env("WORKERS")
  }
}

pipeline "hold" {
  input "amqp" {
    queue = env("QUEUE")
  }
  processor "batch" {
    count = env("BATCH_SIZE")
    age   = "45m"
  }
  output "stdout" {}
}

pipeline "rejects" {
  input "amqp" {
    queue = env("QUEUE")
  }
  processor "json" {}
  processor "batch" {
    count        = env("BATCH_SIZE")
    partition_by = ["source"]
  }
  output "file" {
    path = "/logs/${batch.partition.app}.ndjson"
    mode = env("MODE")
  }
}

pipeline "files" {
  input "amqp" {
    queue = env("QUEUE")
  }
  output "file" {
    path = "/logs/all.ndjson"
    mode = env("MODE")
  }
  dead_letter "file" {
    path = "/logs/all.ndjson"
    mode = env("MODE")
  }
}
