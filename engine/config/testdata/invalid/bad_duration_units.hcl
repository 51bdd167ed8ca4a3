pipeline "a" {
  drain_timeout = "1d"
  input "generator" {}
  output "stdout" {}
}

pipeline "b" {
  drain_timeout = "-5s"
  input "generator" {}
  output "stdout" {}
}

pipeline "c" {
  drain_timeout = "5x"
  input "generator" {}
  output "stdout" {}
}

pipeline "d" {
  drain_timeout = "99999999h"
  input "generator" {}
  output "stdout" {}
}
