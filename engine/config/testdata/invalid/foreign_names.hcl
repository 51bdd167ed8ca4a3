pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = ["@date", "source"]
  }
  output "s3" {
    bucket = "b"
    key    = "logs/%Y/%m/%d/${batch.partition.source}/%2F%d3/${batch.id}"
  }
  fallback "file" {
    path = "/var/fallback/YYYY-MM-DD/{{ host }}.ndjson"
  }
  dead_letter "file" {
    path = "/var/dead/%20%dd/${batch.date}.ndjson"
  }
}
