pipeline "late" {
  input "amqp" {
    queue = "q"
  }
  processor "json" {}
  processor "redact" {}
  output "stdout" {}
  dead_letter "file" {
    path = "/var/log/dead"
  }
}

# As it should be.
pipeline "first" {
  input "amqp" {
    queue = "q"
  }
  processor "redact" {}
  processor "json" {}
  processor "redact" {}
  output "stdout" {}
  dead_letter "file" {
    path = "/var/log/dead2"
  }
}

pipeline "nothing_is_rejected" {
  input "amqp" {
    queue = "q"
  }
  processor "json" {
    on_invalid = "drop"
  }
  processor "redact" {}
  output "stdout" {}
  dead_letter "file" {
    path = "/var/log/dead3"
  }
}
