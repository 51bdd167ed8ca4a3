pipeline "logs" {
  input "amqp" {
    queue = env("QUEUE"
    prefech = 5
  }
  output "s3 {
    bucket = "logs"
  }
  fallback "x" {}
}
