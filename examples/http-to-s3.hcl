# Takes logs by HTTP and stores them in S3. A request is answered 200 when all of it is stored:
#
#   S3_BUCKET=logs HTTP_TOKEN=secret logpipe examples/http-to-s3.hcl
#   curl http://127.0.0.1:8080/logs -H 'Authorization: Bearer secret' -H 'Content-Type: application/x-ndjson' --data-binary @app.ndjson

pipeline "http" {
  input "http" {
    listen = env("HTTP_LISTEN", "127.0.0.1:8080")
    path   = "/logs"
    tokens = [env("HTTP_TOKEN")]

    # A request waits as long as its last message does for its batch, and for the upload of that. Clients must wait longer.
    timeout = "1m"
  }

  processor "json" {} # what is not JSON is a dead letter, and that is stored, too

  processor "batch" {
    count        = env("BATCH_SIZE", 1000)
    age          = env("BATCH_AGE", "1s") # how long a client waits at most while little comes
    partition_by = ["@date"]
  }

  processor "retry" {
    attempts = 3
  }

  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = env("AWS_REGION", "us-east-1")
    endpoint    = env("S3_ENDPOINT", "")
    key         = "logs/${batch.date}/${batch.id}.ndjson"
    compression = "gzip"
  }

  # Without a fallback an outage of S3 is back-pressure: clients are answered 503 with Retry-After, and keep what they have.

  dead_letter "file" {
    path = env("HTTP_DEAD_LETTERS", "/var/lib/logpipe/http-dead.ndjson")
  }
}
