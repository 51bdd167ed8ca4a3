pipeline "logs" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = "logs"
    key = "${batch.partition.source}/${batch.id}"
  }
  dead_letter "file" {
    path = "/var/${batch.partition.source}"
  }
}
