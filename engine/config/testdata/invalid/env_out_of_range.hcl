# env: BATCH_SIZE=0
# env: MAX_WORKERS=5000
pipeline "logs" {
  input "generator" {}
  processor "batch" {
    count = env("BATCH_SIZE", 50)
  }
  output "s3" {
    bucket = "logs"
    workers = env("MAX_WORKERS", 5)
  }
}
