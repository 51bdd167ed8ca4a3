pipeline "logs" {
  input "ampq" {}
  processor "s3" {}
  output "kafka" {}
  fallback "generator" {}
}
