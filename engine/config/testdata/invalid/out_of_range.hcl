pipeline "logs" {
  input "amqp" {
    queue = "q"
    prefetch = 70000
    max_in_flight = -1
    max_in_flight_bytes = "-5MiB"
  }
  processor "batch" {
    count = 0
    age = "0s"
  }
  processor "retry" {
    attempts = -1
  }
  output "stdout" {
    workers = 0
  }
}
