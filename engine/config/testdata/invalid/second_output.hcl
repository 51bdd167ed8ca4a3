pipeline "logs" {
  input "generator" {}
  output "stdout" {}
  output "s3" {
    bucket = "logs"
  }
  fallback "stdout" {}
  fallback "file" {
    path = "/var/x"
  }
  dead_letter "stdout" {}
  dead_letter "file" {
    path = "/var/y"
  }
}
