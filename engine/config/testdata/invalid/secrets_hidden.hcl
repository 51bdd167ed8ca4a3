pipeline "logs" {
  input "amqp" {
    queue    = "q"
    password = "hunter2${x}"
    url      = format("%d", "amqp://user:hunter2@host")
    port     = "abc"
  }
  output "s3" {
    bucket     = "logs"
    secret_key = { a = "hunter2" }
  }
}
