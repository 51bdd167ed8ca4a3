# What is measured: whether anything but the compressor is the limit between a file and S3.

pipeline "file" {
  input "file" {
    paths = [env("LINES")]
  }

  processor "batch" {
    count = env("BATCH_SIZE", 1000)
  }

  output "s3" {
    bucket            = env("S3_BUCKET")
    region            = env("AWS_REGION")
    endpoint          = env("S3_ENDPOINT")
    key               = "logs/${batch.date}/${batch.id}.ndjson"
    compression       = "gzip"
    compression_level = env("COMPRESSION_LEVEL")
  }
}
