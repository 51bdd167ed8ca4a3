# What is measured: publishing, each message persistent and confirmed.

pipeline "publish" {
  input "generator" {
    count = env("MESSAGES")
    size  = env("MESSAGE_SIZE")
  }

  output "amqp" {
    url         = env("RABBITMQ_URL")
    routing_key = "bench-1"
    declare     = "never"
    workers     = 2 # each has a channel of its own; where the broker is near, more of them only make it work more
  }
}
