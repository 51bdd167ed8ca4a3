locals {
  a = 1
}
locals {
  b = 2
}
variable "x" {}

pipeline "names" {
  input "rabbitmq" {
    queue = "q"
  }
  processor "batch" {
    batch_size     = 5
    max_size       = "1MiB"
    flush_interval = "5s"
    timeout        = "5s"
  }
  retry {
    attempts = 3
  }
  amqp "x" {}
  output "aws_s3" {}
  fallback "console" {}
}

pipeline "values" {
  input "amqp" {
    queue         = "a" + "b"
    prefetch      = $COUNT
    max_in_flight = ${COUNT}
    host          = "x${COUNT}"
    port          = 1 / 0
  }
  processor "batch" {
    age   = 5s
    bytes = 16MiB
    count = 10k
  }
  processor "retry" {
    attempts = 99999999999999999999999
    backoff  = 1.5 m
  }
  output "s3" {
    bucket  = COUNT
    workers = 99999999999999999999999
    key     = "${formatdate("QQ", batch.time)}/${batch.tiem}/${batch.id}"
  }
}
