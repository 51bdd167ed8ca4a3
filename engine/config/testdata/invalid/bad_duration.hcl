pipeline "logs" {
  drain_timeout = "half a minute"
  input "generator" {}
  processor "batch" {
    age = "5 s"
  }
  processor "retry" {
    backoff = 5
    max_backoff = "5 secs"
  }
  output "stdout" {}
}
