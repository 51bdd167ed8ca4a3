# Ships files of log lines to an endpoint, for example to another logpipe (examples/http-to-s3.hcl):
#
#   HTTP_URL=http://127.0.0.1:8080/logs HTTP_TOKEN=secret logpipe examples/file-to-http.hcl

pipeline "ship" {
  input "file" {
    paths         = [env("LOG_FILES", "/var/log/app/*.log")]
    poll_interval = "1s"
  }

  processor "batch" {
    count = 1000
    age   = "1s"
  }

  processor "retry" {
    attempts = 3
  }

  output "http" {
    url         = env("HTTP_URL")
    token       = env("HTTP_TOKEN")
    compression = "gzip"
  }

  # What the receiver refuses for its own sake, such as a line that is too large.
  dead_letter "file" {
    path = env("SHIP_DEAD_LETTERS", "/var/lib/logpipe/ship-dead.ndjson")
  }
}
