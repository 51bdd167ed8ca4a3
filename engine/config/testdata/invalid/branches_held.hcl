pipeline "logs" {
  input "amqp" {
    queue = "q"
  }
  processor "batch" { age = "16m" }
  branch "short" {
    when = "kind == 'short'"
    output "stdout" {}
  }
  branch "long" {
    default = true
    processor "batch" { age = "20m" }
    output "stdout" {}
  }
  dead_letter "stdout" {}
}
