pipeline "logs" {
  input "generator" {}
  output "stdout" {}
  fallback "file" {
    path = "/memory/failed.ndjson"
  }
}
