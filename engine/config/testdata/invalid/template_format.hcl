pipeline "logs" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = "logs"
    key = "${formatdate("yyyy-MM-dd", batch.time)}/${batch.id}"
  }
}
