pipeline "logs" {
  output "stdout" {}
  fallback "stdout" {}
  processor "batch" {}
  input "generator" {}
}
