admin {
  listen = "127.0.0.1:99999"
  pprof  = "sometimes"
  tls {}
}
pipeline "logs" {
  input "generator" {}
  output "stdout" {}
}
