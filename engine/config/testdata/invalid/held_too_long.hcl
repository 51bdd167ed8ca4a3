pipeline "a" {
  input "amqp" {
    queue = "q"
  }
  processor "batch" {
    age = "20m"
  }
  output "stdout" {}
}

pipeline "b" {
  input "amqp" {
    queue = "q"
  }
  processor "batch" {
    age = "1m"
  }
  processor "retry" {
    attempts    = 100
    max_backoff = "30s"
  }
  output "stdout" {}
}
