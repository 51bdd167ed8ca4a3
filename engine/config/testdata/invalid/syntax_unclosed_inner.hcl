pipeline "logs" {
  input "generator" {
    cuont = 5
  }
  processor "batch" {
    count = 5
  output "s3" {
    bucket = "logs"
    regio  = "eu"
  }
}

pipeline "more" {
  input "generator" {}
  output "stdout" {}
}
