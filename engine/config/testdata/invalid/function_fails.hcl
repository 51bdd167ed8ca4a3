pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = jsondecode("[")
  }
  output "s3" {
    bucket = file("nothing.txt")
    region = format("%d", "x")
    endpoint = join(",")
    secret_key = base64decode("not base64!")
    compression = [for x in ["gzip"] : x][0]
    key = replace("a", "b", "c", "d")
  }
}
