pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = ["source"]
  }
  output "s3" {
    bucket = "logs"
    key = "${batch.partition.level}/${batch.id}"
  }
}
