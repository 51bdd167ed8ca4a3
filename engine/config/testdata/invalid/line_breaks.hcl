pipeline "held" {
  input "amqp" {
    queue = "q"
  }
  processor "batch" { age = "5s" }
  output "s3" {
    bucket = "b"
    key    = "${batch.id}"
  }
}

pipeline "checked" {
  input "amqp" {
    queue = "q"
  }
  processor "json" { on_invalid = "drop" }
  processor "batch" { age = "5s" }
  output "s3" {
    bucket = "b"
    key    = "${batch.id}"
  }
}

pipeline "passed" {
  input "amqp" {
    queue = "q"
  }
  processor "json" { on_invalid = "pass" }
  processor "batch" { age = "5s" }
  output "s3" {
    bucket = "b"
    key    = "${batch.id}"
  }
}
