# env: BATCH_SIZE=abc
# env: PREFETCH=many
# env: PASSWORD=hunter2
# env: DECLARE=maybe
# env: BATCH_AGE=5 seconds
# env: BATCH_BYTES=16 Mb
# env: MAX_WORKERS=some
# env: COMPRESSION=lz4
pipeline "logs" {
  input "amqp" {
    queue = "q"
    prefetch = env("PREFETCH")
    password = env("PASSWORD", 5)
    declare = env("DECLARE", true)
  }
  processor "batch" {
    count = env("BATCH_SIZE", 50)
    age = env("BATCH_AGE", "5s")
    bytes = env("BATCH_BYTES", "1MiB")
  }
  output "s3" {
    bucket = "logs"
    workers = tonumber(env("MAX_WORKERS"))
    compression = env("COMPRESSION", "gzip")
  }
}
