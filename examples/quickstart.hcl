# Needs no server at all:
#
#   logpipe examples/quickstart.hcl
#
# 100,000 generated records, grouped by their source, go into gzip files under ./quickstart.

pipeline "quickstart" {
  input "generator" {
    count = env("MESSAGES", 100000)
  }

  processor "json" {
    on_invalid = "drop"
  }

  processor "batch" {
    count        = 1000
    age          = "1s"
    partition_by = ["source"]
  }

  output "file" {
    path        = "quickstart/${batch.partition.source}.ndjson"
    compression = "gzip"
  }
}
