pipeline "logs" {
  input "generator" {
    max_in_flight_bytes = "lots"
  }
  processor "batch" {
    bytes = "16 Mb"
  }
  output "stdout" {}
}

pipeline "b" {
  input "generator" {
    max_in_flight_bytes = "16 furlongs"
  }
  processor "batch" {
    bytes = "1.5B"
  }
  output "stdout" {}
}
