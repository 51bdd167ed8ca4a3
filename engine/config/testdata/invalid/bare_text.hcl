pipeline "logs" {
  input "amqp" {
    queue = log_queue
    host = env.RABBITMQ_HOST
  }
  output "s3" {
    bucket = batch.id
    compression = gzip
    path_style = yes
  }
}
