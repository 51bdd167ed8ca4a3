# env: SOURCES=app1, app2
# env: PORT=5673
# env: QUIET=true
# env: PASSWORD=hunter2
# env: BATCH_AGE=1m30s
# env: BATCH_BYTES=1048576
pipeline "everything" {
  drain_timeout = "1m"

  input "amqp" {
    queue               = "q-${lower("LOGS")}"
    port                = env("PORT")
    password            = env("PASSWORD")
    url                 = null # as if it were not there
    declare             = !env("QUIET", false)
    max_in_flight       = 4 * 5000
    max_in_flight_bytes = 1024
    arguments = {
      "x-max-length" = 1000
      x-mode         = "lazy"
    }
    tls {
      server_name = "broker"
    }
    binding {
      exchange     = "logs"
      routing_keys = ["a.*", 5]
    }
    binding {
      exchange     = "more"
      routing_keys = env("SOURCES", [])
    }
  }
  input "generator" {
    rate = 0.5
  }
  processor "json" {
    on_invalid = "drop"
  }
  processor "batch" {
    age          = env("BATCH_AGE", "5s")
    bytes        = env("BATCH_BYTES", "1MiB")
    count        = "100"
    partition_by = split(",", "source,kubernetes.namespace,x y")
  }
  processor "retry" {
    attempts = 5
    backoff  = 0
  }
  output "s3" {
    bucket     = "logs"
    path_style = true
    key        = "${batch.partition.kubernetes.namespace}/${batch.partition["x y"]}/${formatdate("YYYY/MM", batch.time)}/${batch.id}"
  }
  dead_letter "file" {
    path = "/var/dead/${batch.date}.ndjson"
  }
  fallback "file" {
    path    = "/var/fallback/${env("HOSTNAME", "here")}.ndjson"
    recover = false
  }
}

pipeline "smallest" {
  input "generator" {}
  output "stdout" {}
}
