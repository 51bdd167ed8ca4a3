pipeline "logs" {
  input "generator" {}
  output "s3" {
    bucket = "a"
    region = "eu"
    bucket = "b"
  }
}
