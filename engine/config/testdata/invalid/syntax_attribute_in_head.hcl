pipeline "logs" {
  input = "amqp" {
    queue = "x"
  }
  processor "batch"
  {
    count = 5
  }
  output "stdout" {}
}
