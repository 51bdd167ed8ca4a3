pipeline "default_window" {
  input "amqp" {
    queue = "q"
  }
  processor "rate_limit" {
    rate = 0.5
  }
  output "stdout" {}
}

pipeline "two_inputs" {
  input "amqp" {
    queue         = "q"
    max_in_flight = 500
  }
  input "amqp" {
    queue         = "r"
    max_in_flight = 500
  }
  processor "rate_limit" {
    rate = 1
  }
  output "stdout" {}
}

# As it should be.
pipeline "bounded" {
  input "amqp" {
    queue         = "q"
    max_in_flight = 60
  }
  processor "rate_limit" {
    rate = 1
  }
  output "stdout" {}
}

pipeline "no_limit" {
  input "amqp" {
    queue = "q"
  }
  processor "rate_limit" {
    rate = 0
  }
  output "stdout" {}
}
