pipeline "logs" {
  input "generator" {}
  processor "retry" {}
  processor "batch" {}
  output "stdout" {}
}
