pipeline "branches" {
  unmatched = "drop"
  input "amqp" { queue = "q" }
  processor "json" {}
  branch "audit" {
    when = <<-EOT
      kind == 'audit'
      && level != "debug"
    EOT
    processor "batch" {
      count        = 10
      partition_by = ["source"]
    }
    processor "retry" {}
    output "s3" {
      bucket  = "b"
      key     = "${batch.partition.source}/${batch.id}"
      workers = 2
    }
    fallback "file" {
      path    = "/spool/audit.ndjson"
      recover = false
    }
    dead_letter "stdout" {}
  }
  branch "errors" {
    when = "level == 'error'"
    output "stdout" {}
  }
  dead_letter "amqp" { queue = "dlq" }
}
