pipeline "logs" {
  input "amqp" {
    queue = "q"
    prefetch = 300
  }
  processor "batch" {
    count = 5000
  }
  output "stdout" {}
}

pipeline "both" {
  input "amqp" {
    queue         = "q"
    prefetch      = 10
    max_in_flight = 1000
  }
  processor "batch" {
    count = 100
  }
  output "stdout" {}
}

pipeline "b" {
  input "generator" {
    max_in_flight = 40
  }
  input "generator" {
    max_in_flight = 50
  }
  processor "batch" {}
  output "stdout" {}
}
