pipeline "logs" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = "logs"
    key    = "logs/${batch.date}/${substr(batch.id, 0, 8)}.ndjson"
  }
}
pipeline "chosen" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = "logs"
    key    = batch.hour == "77" ? batch.id : "same"
  }
}
