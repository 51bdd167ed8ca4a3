pipeline "logs" {
  output "stdout" {}
}
