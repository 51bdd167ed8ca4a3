pipeline "logs" {
  input "amqp" { queue = "q" }
  processor "retry" {}
  branch "audit" {
    when    = "kind == 'audit'"
    default = true
    output "stdout" {}
  }
  branch "audit" {
    default = true
    output "stdout" {}
  }
  branch "No Good" {
    default = true
    input "amqp" { queue = "r" }
    wen = "level == 'x'"
  }
  branch {
    when = "contians(level, 'x')"
    output "stdout" {}
    branch "inner" {}
  }
  output "stdout" {}
  fallback "file" { path = "f.ndjson" }
  processor "json" {}
}
