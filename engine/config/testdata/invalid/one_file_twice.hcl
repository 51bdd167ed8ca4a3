pipeline "logs" {
  input "generator" {}
  output "file" {
    path = "/var/log/out.ndjson"
  }
  fallback "file" {
    path = "/var/log/../log/./out.ndjson"
  }
}

pipeline "b" {
  input "generator" {}
  output "stdout" {}
  dead_letter "file" {
    path = "/var/log//out.ndjson"
  }
}
