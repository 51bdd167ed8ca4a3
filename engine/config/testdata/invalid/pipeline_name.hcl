pipeline {
  input "generator" {}
  output "stdout" {}
}

pipeline "Logs of App" {
  input "generator" {}
  output "stdout" {}
}

pipeline "a" "b" {
  input "generator" {}
  output "stdout" {}
}
