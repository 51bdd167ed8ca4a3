# What is checked between blocks is checked in each branch.
pipeline "logs" {
  input "amqp" {
    queue       = "q"
    max_in_flight = 500
  }
  processor "json" {}
  branch "policy" {
    when = "kind == 'a'"
    processor "redact" {}
    processor "retry" {
      attempts = 0
    }
    processor "batch" {
      partition_by = ["source"]
    }
    output "file" {
      path = "/var/log/${batch.partition.sorce}.log"
    }
    fallback "file" {
      path = "/var/log/fallback"
    }
  }
  branch "paths" {
    default = true
    output "s3" {
      bucket = "b"
      key    = "${batch.partition.source}/${batch.id}"
    }
    fallback "file" {
      path = "/var/log/fallback"
    }
  }
  dead_letter "file" {
    path = "/memory/dead"
  }
}

pipeline "rejects" {
  input "generator" {}
  branch "with" {
    processor "json" {}
    output "stdout" {}
    dead_letter "stdout" {}
  }
  branch "without" {
    processor "json" {}
    output "stdout" {}
  }
}

pipeline "redacted" {
  input "generator" {}
  branch "asks" {
    when = "kind == 'a'"
    processor "redact" {}
    output "stdout" {}
  }
  branch "rest" {
    default = true
    output "stdout" {}
  }
  dead_letter "stdout" {}
}
