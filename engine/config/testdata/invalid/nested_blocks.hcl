pipeline "logs" {
  input "amqp" {
    queue = "q"
    tls {
      ca = "/"
      server_nam = "x"
    }
    tls {
      server_name = "x"
    }
    binding "x" {
      exchange = "x"
    }
    binding {
      exchange = ""
    }
    binding {
      routing_keys = "a"
    }
  }
  output "stdout" {}
}
