pipeline "logs" {
  input "generator" {}
  processor "json" {}
  output "stdout" {}
}
