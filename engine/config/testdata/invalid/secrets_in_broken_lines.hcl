pipeline "logs" {
  input "amqp" {
    queue    = "q"
    pasword  = "hunter2"
    password: "hunter2"
    url      = amqp://user:hunter2@host
    host     = "amqp://user:hunter2@host
    port     = "amqp://user:hunter2@host"
  }
  output "s3" {
    bucket     = "logs"
    secret_key = 'hunter2'
  }
}
