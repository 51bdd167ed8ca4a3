pipeline "logs" {
  input "generator" {
    count = "abc"
    rate  = [1, 2]
  }
  processor "batch" {
    count        = 2.5
    age          = true
    bytes        = ["1MiB"]
    partition_by = "source"
  }
  output "s3" {
    bucket     = ["logs"]
    region     = { name = "eu" }
    path_style = "yes"
    secret_key = ["hunter2"]
    key        = ["a"]
  }
}
