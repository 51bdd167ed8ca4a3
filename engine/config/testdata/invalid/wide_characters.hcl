pipeline "logs" {
  input "generator" {}
  output "s3" {
    /* 日本語 */ 	bucket = "日本語-${x}"
    compression = "gzíp"
    region = ["é"] # combining
    key = "🦀${batch.idd}"
  }
}
