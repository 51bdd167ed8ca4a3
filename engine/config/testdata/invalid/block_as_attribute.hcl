pipeline "logs" {
  input "amqp" {
    queue = "q"
    tls = { ca = "x" }
    host {
      name = "x"
    }
  }
  output "stdout" {}
}
