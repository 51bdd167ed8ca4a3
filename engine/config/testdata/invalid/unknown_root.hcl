pipline "logs" {}

input "generator" {}

locals {}

name = "x"

pipeline "logs" {
  input "generator" {}
  output "stdout" {}
}
