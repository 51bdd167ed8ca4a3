pipeline "logs" {
  input "amqp" { queue = "q" }
  branch "one" {
    when = "kind == 'one'"
    processor "batch" { partition_by = ["source"] }
    output "s3" {
      bucket = "b"
      key    = "${batch.partition.source}/${batch.partition.host}/${batch.id}"
    }
    fallback "file" { path = "/spool/same.ndjson" }
  }
  branch "two" {
    when = "kind == 'two'"
    output "s3" {
      bucket = "b"
      key    = "${batch.partition.source}/${batch.id}"
    }
    fallback "file" { path = "/spool/same.ndjson" }
  }
  dead_letter "stdout" {}
}
