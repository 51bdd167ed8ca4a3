pipeline "logs" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = "logs"
    key = "${env("KEY", batch.id)}/${batch.id}"
  }
}
