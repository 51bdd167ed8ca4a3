# What is measured: the engine between an input that costs little and an output that costs nothing but a write.

pipeline "stdout" {
  input "generator" {
    count = env("MESSAGES")
    size  = env("MESSAGE_SIZE")
  }

  output "stdout" {}
}
