pipeline "logs" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = "logs"
    key = "logs/${batch.date}.ndjson"
  }
}
