pipeline "logs" {
  input "generator" {}
}
