pipeline "logs" {
  input "generator" {
    cuont = 5
    workers = 3
  }
  processor "batch" {
    partition = ["source"]
    c = 5
  }
  output "stdout" {
    color = true
    drain_timeout = "5s"
  }
}
