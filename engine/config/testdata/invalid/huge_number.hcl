pipeline "logs" {
  input "generator" {
    count = 99999999999999999999
  }
  output "stdout" {}
}
