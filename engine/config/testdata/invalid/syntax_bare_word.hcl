pipeline "logs" {
  input "generator" {}
  output "s3" {
    bucket
  }
}
