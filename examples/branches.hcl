# One queue, several ways: audit events go to a bucket of their own and to a file that stays on this machine for a day's search, the rest to
# the bucket for logs, and debug lines nowhere. Each branch has retries and a fallback of its own. One that is down keeps nothing from the
# others; a fallback lets its messages be settled meanwhile, so that they do not fill the window of the queue.
#
#   AUDIT_BUCKET=audit S3_BUCKET=logs logpipe examples/branches.hcl

pipeline "logs" {
  input "amqp" {
    url   = env("RABBITMQ_URL", "amqp://localhost")
    queue = env("RABBITMQ_QUEUE", "log_queue")
  }
  processor "json" {} # before the branches, for all of them
  processor "filter" {
    drop = "level == 'debug'"
  }

  # A message goes to each branch whose condition is true of it, and is acknowledged when all of these have it.
  branch "audit" {
    when = "kind == 'audit'"
    processor "batch" {
      count        = 1000
      age          = "10s"
      partition_by = ["@date"]
    }
    processor "retry" {
      attempts = 5
    }
    output "s3" {
      bucket      = env("AUDIT_BUCKET")
      region      = env("AWS_REGION", "us-east-1")
      endpoint    = env("S3_ENDPOINT", "")
      key         = "audit/${batch.date}/${batch.id}.ndjson"
      compression = "gzip"
    }
    fallback "file" {
      path = "/var/lib/logpipe/audit.ndjson"
    }
  }

  branch "search" {
    when = "kind == 'audit' || level == 'error'"
    processor "batch" {
      age = "1s"
    }
    output "file" {
      path = "/var/lib/logpipe/search-${batch.date}.ndjson"
    }
  }

  # What no other branch takes. Without such a branch it would be a dead letter, or dropped with unmatched = "drop".
  branch "rest" {
    default = true
    processor "batch" {
      count        = 1000
      partition_by = ["@date", "source"]
    }
    processor "retry" {}
    output "s3" {
      bucket      = env("S3_BUCKET")
      region      = env("AWS_REGION", "us-east-1")
      endpoint    = env("S3_ENDPOINT", "")
      key         = "logs/${batch.date}/${batch.partition.source}/${batch.id}.ndjson"
      compression = "gzip"
    }
    fallback "file" {
      path = "/var/lib/logpipe/logs.ndjson"
    }
  }

  # For what is no JSON, for what a condition has no answer for, and for the branches, which have none of their own.
  dead_letter "amqp" {
    url         = env("RABBITMQ_URL", "amqp://localhost")
    routing_key = env("RABBITMQ_DLQ", "log_dlq")
  }
}
