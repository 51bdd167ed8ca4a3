pipeline "logs" {
  input "generator" {
    count = 5,
    rate  = "abc"
  }
  processor "batch" {
    age   = "5s
    count = [
    bytes = "1MiB"
    age2  = "x"
  }
  output "stdout" {}
}
