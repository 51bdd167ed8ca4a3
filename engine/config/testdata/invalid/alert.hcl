alert "webhok" {}
alert {}
alert "webhook" "second" {}
alert "webhook" {
  url          = "hooks.example.com/T000/secret"
  success_rate = 90
  dead_leters  = 1
  pipelines    = ["lgs"]
  labels       = { pipeline = "x", "team-a" = "y" }
  window       = "10"
}
alert "alertmanager" {
  bearer_token = "abc"
  dead_letters = -1
  repeat       = "0s"
}
pipeline "logs" {
  input "amqp" {
    queue = "q"
  }
  output "s3" {
    bucket = "b"
  }
}
