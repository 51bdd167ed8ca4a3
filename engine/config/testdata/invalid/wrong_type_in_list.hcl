pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = ["source", null, ["level"]]
  }
  output "stdout" {}
}
