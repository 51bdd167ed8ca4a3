# What is measured: what drain.hcl does without S3: as the raw drain, it throws the messages away.

pipeline "nowhere" {
  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = env("QUEUE")
    declare  = "never"
    prefetch = env("PREFETCH", 10000)
  }

  processor "json" {}

  processor "batch" {
    count = env("BATCH_SIZE", 1000)
    age   = env("AGE", "1s")
  }

  output "stdout" {}

  dead_letter "file" {
    path = env("DEAD_LETTERS")
  }
}
