pipeline "logs" {
  input "generator" {}
  output "stdout" {}
}
/* pipeline "other" {
