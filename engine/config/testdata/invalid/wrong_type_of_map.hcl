pipeline "logs" {
  input "amqp" {
    queue = "q"
    port = 70000
    arguments = ["a"]
    declare = 5
  }
  output "stdout" {}
}
