pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = ["a" "b"]
  }
  output "stdout" {}
}
