pipeline "logs" {
  input "generator" {}
  output "stdout" {}
}

pipeline "logs" {
  input "generator" {}
  output "stdout" {}
}
