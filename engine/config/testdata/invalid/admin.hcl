admin "status" {
  listen = "9600"
  lisen  = "127.0.0.1:9600"
}
admin {
  listen = "127.0.0.1:9601"
}
pipeline "logs" {
  input "generator" {}
  output "stdout" {}
}
