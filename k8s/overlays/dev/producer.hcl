# Fills a queue with the records of the original's producer. The other side is pipeline.hcl:
#
#   logpipe examples/producer.hcl
#   S3_BUCKET=logs logpipe pipeline.hcl

pipeline "producer" {
  input "generator" {
    count         = env("MESSAGES", 100000)
    rate          = env("RATE", 0)         # messages a second; 0 is as fast as they are taken
    size          = env("MESSAGE_SIZE", 0) # pads each record to so many bytes
    invalid_every = env("INVALID_EVERY", 0)
  }

  output "amqp" {
    url   = env("RABBITMQ_URL", "")
    host  = env("RABBITMQ_HOST", "localhost")
    queue = env("RABBITMQ_QUEUE", "log_queue")

    # As in pipeline.hcl, so that it does not matter which of the two declares the queue.
    dead_letter_exchange    = "dlx"
    dead_letter_routing_key = env("RABBITMQ_DLQ", "log_dlq")
  }
}
