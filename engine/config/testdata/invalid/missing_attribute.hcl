pipeline "logs" {
  input "amqp" {
    host = "localhost"
  }
  output "s3" {
    bucket = null
  }
  fallback "file" {}
}
