pipeline "logs" {
  input "generator" {}
  procesor "json" {}
  sink "stdout" {}
  buffer {}
  output "stdout" {}
}
