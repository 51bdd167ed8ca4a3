pipeline "a" {
  input "generator" {}
  processor "batch" {
    count = 100000
  }
  output "stdout" {}
}

pipeline "b" {
  input "generator" {
    max_in_flight = 200000
  }
  processor "batch" {
    count = 100000
  }
  output "stdout" {}
}
