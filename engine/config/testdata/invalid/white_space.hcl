pipeline "logs" {
  input "amqp" {
    queue    = <<-EOT
      logs
    EOT
    password = "hunter2\n"
    host     = "broker "
    binding {
      exchange     = "logs"
      routing_keys = ["a", "b\n"]
    }
  }
  output "stdout" {}
}
