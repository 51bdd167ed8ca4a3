pipeline "logs" {
  input "generator" {}
  processor "batch" {}
  output "s3" {
    bucket = uper("logs")
    region = getenv("AWS_REGION")
    key = "${timestamp()}/${batch.id}"
    endpoint = try(env("A"), "")
  }
}
