pipeline "logs" {
  workers = 5
  drain_timout = "5s"
  input "generator" {}
  output "stdout" {}
}
