pipeline "logs" {
  input "generator" {}
  processor "retry" {}
  processor "retry" {
    attempts = 5
  }
  output "stdout" {}
}
