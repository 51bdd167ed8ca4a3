# env: AWS_REGION=
# env: RABBITMQ_QUEUE=
pipeline "logs" {
  input "amqp" {
    queue = env("RABBITMQ_QUEUE")
  }
  output "s3" {
    bucket = env("S3_BUCKET")
    region = env("AWS_REGION", "eu")
    endpoint = env("S3 ENDPOINT", "")
    secret_key = env()
    key = env("A", "b", "c")
  }
}
