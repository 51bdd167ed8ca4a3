pipeline "a" {
  input "amqp" { queue = "q" }
  branch "audit" {
    when = "kind == 'audit'"
    output "stdout" {}
  }
}
pipeline "b" {
  input "amqp" { queue = "q" }
  unmatched = "forget"
  branch "audit" {
    when = "kind == 'audit'"
    processor "json" {}
    output "stdout" {}
  }
  branch "all" {
    output "stdout" {}
  }
  branch "rest" {
    default = true
    output "stdout" {}
  }
}
pipeline "c" {
  input "amqp" { queue = "q" }
  unmatched = "drop"
  branch "rest" {
    default = true
    output "stdout" {}
  }
}
pipeline "d" {
  input "amqp" { queue = "q" }
  unmatched = "drop"
  output "stdout" {}
}
pipeline "e" {
  input "amqp" { queue = "q" }
  branch "always" {
    when = "true"
    output "stdout" {}
  }
  branch "never" {
    when = " false "
    output "stdout" {}
  }
  dead_letter "stdout" {}
}
