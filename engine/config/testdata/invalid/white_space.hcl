pipeline "logs" {
  input "amqp" {
    queue    = <<-EOT
      logs
    EOT
    password = "hunter2\n"
    host     = "broker "
    arguments = {
      "kind\n"  = 1
      "x-match " = "all\t"
    }
    binding {
      exchange     = "logs"
      routing_keys = ["a", "b\n", "\tc"]
    }
  }
  output "s3" {
    bucket = "b"
    key    = <<-EOT
      logs/${batch.id}
    EOT
  }
}
