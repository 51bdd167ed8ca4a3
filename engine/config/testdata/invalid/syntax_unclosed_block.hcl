pipeline "logs" {
  input "generator" {}
  output "stdout" {}
