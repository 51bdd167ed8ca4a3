pipeline "logs" {
  input "generator" {
    count = 1e999999999
  }
  output "stdout" {}
}
