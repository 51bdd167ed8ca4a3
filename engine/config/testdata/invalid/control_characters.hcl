pipeline "logs" {
  input "generator" {}
  output "s3" {
    bucket = "a"
    	region = 5 # [31mred[0m ‮
    x = 1
    compression = "[2J"
  }
}
