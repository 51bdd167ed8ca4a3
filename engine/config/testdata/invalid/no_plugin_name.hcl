pipeline "logs" {
  input {}
  output "stdout" "file" {}
}
