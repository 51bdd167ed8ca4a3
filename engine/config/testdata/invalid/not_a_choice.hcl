pipeline "logs" {
  input "amqp" {
    queue = "q"
    queue_type = "quorums"
  }
  output "s3" {
    bucket = "logs"
    compression = "lz4"
  }
}
